"""Nodes are replaced while the cluster serves: the new one is as good as the old one was."""

import json
import shutil

from cluster import content, digest, wait_until

BUCKET = "ring"
MIB = 1 << 20
# In the register's row itself; one chunk of content and some; a manifest with many chunks.
SIZES = {f"small-{number:02}": 3_000 + number for number in range(40)}
SIZES |= {f"middle-{number}": MIB for number in range(8)}
SIZES |= {f"large-{number}": 20 * MIB for number in range(2)}


def seed(key):
    return sorted(SIZES).index(key)


def fill(cluster):
    cluster.s3(1).create_bucket(Bucket=BUCKET)
    for number, (key, size) in enumerate(SIZES.items()):
        body = content(seed(key), size)
        cluster.s3(1 + number % 3).put_object(Bucket=BUCKET, Key=key, Body=body)


def assert_serves(cluster, *nodes):
    for node in nodes:
        s3 = cluster.s3(node, attempts=5)
        for key, size in SIZES.items():
            body = s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()
            assert digest(body) == digest(content(seed(key), size)), f"{key} through n{node}"
        assert s3.list_objects_v2(Bucket=BUCKET)["KeyCount"] == len(SIZES)


def ring(cluster, *arguments, check=True, asked=1):
    address = f"127.0.0.1:{cluster.base_port + 10 * (asked - 1) + 1}"
    return cluster.run("ring", *arguments, "--admin", address, "--json", check=check)


def shown(cluster):
    return json.loads(ring(cluster, "show").stdout)


def states(report):
    return sorted((node["name"], node["state"]) for node in report["nodes"])


def empty(cluster, node):
    cluster.kill(node)
    shutil.rmtree(cluster.data(node))
    cluster.serve(node)
    wait_until(lambda: "not a member" in (cluster.readiness(node) or ""), "it is no new node")


def test_an_emptied_node_is_replaced_by_itself(fresh_cluster):
    """Afterwards another node may be lost: the new one has all rows and all chunks."""
    cluster = fresh_cluster
    fill(cluster)
    assert states(shown(cluster)) == [("n1", "member"), ("n2", "member"), ("n3", "member")]
    empty(cluster, 2)
    before = shown(cluster)
    assert states(before) == [
        ("n1", "member"), ("n2", "member"), ("n2", "waiting"), ("n3", "member"),
    ]
    assert [node["up"] for node in before["nodes"] if node["name"] == "n2"] == [False, True]

    for wrong in (["replace", "n3"], ["replace", "n9"], ["add", "n1"], ["remove", "n9", "--yes"]):
        refusal = ring(cluster, *wrong, check=False)
        assert refusal.returncode == 4 and "404" in refusal.stderr, refusal.stderr
    assert ring(cluster, "remove", "n2", check=False).returncode == 2
    assert ring(cluster, "replace", "n2", asked=2, check=False).returncode == 3, "it is no member"
    assert shown(cluster)["epoch"] == before["epoch"], "refused, and changed all the same"

    after = json.loads(ring(cluster, "replace", "n2").stdout)
    assert after["state"] == "stable" and after["epoch"] == before["epoch"] + 2
    assert states(after) == [("n1", "member"), ("n2", "left"), ("n2", "member"), ("n3", "member")]
    assert all(
        node["partitions"] == 256 for node in after["nodes"] if node["state"] == "member"
    )
    wait_until(lambda: cluster.readiness(2) == "ready", "the new node does not serve")
    # The change was not done before the new node had all content: no repair is waited for.
    stored = [cluster.node_total(node, "triolet_chunks_stored") for node in (1, 2, 3)]
    assert stored[1] > 0 and stored[0] == stored[1] == stored[2], stored
    assert_serves(cluster, 1, 2, 3)

    # One of two old nodes goes: every majority and every copy needs the new one.
    cluster.kill(1)
    wait_until(lambda: cluster.readiness(2) == "ready", "no quorum without n1")
    assert_serves(cluster, 2, 3)
    cluster.s3(2, attempts=5).put_object(Bucket=BUCKET, Key="new", Body=b"new")
    assert cluster.s3(3).get_object(Bucket=BUCKET, Key="new")["Body"].read() == b"new"
