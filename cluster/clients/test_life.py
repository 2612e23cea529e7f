"""Starting, stopping, and what is there afterwards."""

import json
import os
import stat
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from botocore.exceptions import ClientError
from cluster import Cluster, content, digest, wait_until


@pytest.fixture
def configured(tmp_path):
    cluster = Cluster(
        tmp_path / "configured",
        environment={
            "TRIOLET_BUCKETS": "raw,processed",
            "TRIOLET_ROOT_ACCESS_KEY": "somebody",
            "TRIOLET_ROOT_SECRET_KEY": "a-secret-of-somebody",
        },
    )
    try:
        cluster.up()
        yield cluster
    finally:
        cluster.down()


def buckets(s3):
    return sorted(bucket["Name"] for bucket in s3.list_buckets()["Buckets"])


def test_keys_and_buckets_from_the_environment(configured):
    cluster = configured
    assert cluster.keys()["AWS_ACCESS_KEY_ID"] == "somebody"
    deadline = time.monotonic() + 20
    while buckets(cluster.s3(2)) != ["processed", "raw"]:
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_what_was_stored_survives_a_stop(fresh_cluster):
    cluster = fresh_cluster
    data = content(5, 9_000_000)
    cluster.s3(1).create_bucket(Bucket="life")
    cluster.s3(1).put_object(Bucket="life", Key="object", Body=data)
    started = time.monotonic()
    cluster.down()
    assert time.monotonic() - started < 20, "stopping is quick when nothing is under way"
    status = cluster.cluster("status", "--json", check=False)
    assert status.returncode == 3
    states = [json.loads(line)["state"] for line in status.stdout.splitlines()]
    assert states == ["down", "down", "down"]
    cluster.up()
    for node in (1, 2, 3):
        found = cluster.s3(node).get_object(Bucket="life", Key="object")["Body"].read()
        assert digest(found) == digest(data)
    for node in (1, 2, 3):
        assert any(line["msg"] == "node stopped" for line in cluster.log(node))


def test_whoever_waits_for_ready_may_stop_the_next_node(fresh_cluster):
    """Nobody but the node itself says that it is back, and clients try only once."""
    cluster = fresh_cluster
    clients = {node: cluster.s3(node, attempts=1) for node in range(1, 4)}
    clients[1].create_bucket(Bucket="rolling")
    clients[1].put_object(Bucket="rolling", Key="kept", Body=b"kept")

    def restart(away):
        cluster.restart(away)
        wait_until(lambda: cluster.readiness(away) == "ready", f"n{away} does not come back")

    with ThreadPoolExecutor(1) as aside:
        for away in [1, 2, 3] * 2:
            others = [node for node in clients if node != away]
            cluster.kill(away)
            back = None
            turns = 0
            # Those that are left meet its absence again and again, up to the end.
            while back is None or not back.done():
                s3 = clients[others[turns % 2]]
                s3.put_object(Bucket="rolling", Key=f"{away}-{turns}", Body=b"x")
                assert s3.get_object(Bucket="rolling", Key="kept")["Body"].read() == b"kept"
                turns += 1
                if turns == 100:
                    back = aside.submit(restart, away)
            back.result()


def test_secrets_are_for_the_owner_only(cluster):
    for name in ("access_key", "secret_key", "peer_secret"):
        mode = stat.S_IMODE(os.stat(cluster.directory / name).st_mode)
        assert mode == 0o600, name
    secret = (cluster.directory / "secret_key").read_text().strip()
    for node in (1, 2, 3):
        assert secret not in (cluster.directory / f"n{node}" / "log").read_text()


def test_a_wrong_key_is_refused(cluster):
    s3 = cluster.s3(1)
    s3._request_signer._credentials.secret_key = "wrong"
    with pytest.raises(ClientError) as refusal:
        s3.list_buckets()
    assert refusal.value.response["Error"]["Code"] == "SignatureDoesNotMatch"


def test_one_data_directory_serves_one_node(cluster):
    second = cluster.run(
        "serve", "--config", str(cluster.directory / "n1" / "triolet.yaml"), check=False
    )
    assert second.returncode == 1
    assert "is in use by another node" in second.stderr


def test_reports_of_the_admin_port(cluster):
    report = json.loads(cluster.admin(2, "/v1/cluster"))
    assert report["ready"] and report["nodes"] == 3 and report["nodes_up"] == 3
    ring = json.loads(cluster.admin(3, "/v1/ring"))
    assert len(ring["partitions"]) == 256
    assert all(sorted(nodes) == [0, 1, 2] for nodes in ring["partitions"])
    names = sorted(node["name"] for node in json.loads(cluster.admin(1, "/v1/nodes"))["nodes"])
    assert names == ["n1", "n2", "n3"]
