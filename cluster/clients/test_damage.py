"""Bits turn in a node's rows, or its whole directory is lost: noticed, never served, made good."""

import json
import random
import shutil

import pytest
from botocore.exceptions import BotoCoreError, ClientError
from cluster import content, wait_until
from rows import change_rows, flip, places

BUCKET = "damage"
OBJECTS = 60
# Kept in the register's row itself, and too random to be compressed.
SIZE = 6_000


def body(number):
    return random.Random(number).randbytes(SIZE)


def key(number):
    return f"object-{number:03}"


def fill(cluster):
    s3 = cluster.s3(1)
    s3.create_bucket(Bucket=BUCKET)
    for number in range(OBJECTS):
        cluster.s3(1 + number % 3).put_object(Bucket=BUCKET, Key=key(number), Body=body(number))


def get(s3, number):
    """The right bytes, or None for an error."""
    try:
        found = s3.get_object(Bucket=BUCKET, Key=key(number))["Body"].read()
    except ClientError as error:
        code = error.response["Error"]["Code"]
        assert code in ("SlowDown", "ServiceUnavailable", "InternalError"), f"{key(number)}: {code}"
        return None
    except BotoCoreError:
        return None
    assert found == body(number), f"{key(number)} came back with other bytes"
    return found


def served(cluster, node):
    """How many objects come back right through a node; wrong ones are a failure."""
    s3 = cluster.s3(node, attempts=1)
    return sum(get(s3, number) is not None for number in range(OBJECTS))


def assert_others_serve(cluster):
    for node in (1, 2):
        assert served(cluster, node) == OBJECTS


def is_ready(cluster, node):
    return lambda: cluster.readiness(node) == "ready"


def log_text(cluster, node):
    return (cluster.directory / f"n{node}" / "log").read_text()


def inside(cluster, suffix, number):
    """Places in node 3's files, each followed by a hundred bytes of an object's content.

    The border of a block of the log may run through some bytes, but not through both of these.
    """
    return places(cluster.data(3), suffix, body(number)[1_000:1_100]) or places(
        cluster.data(3), suffix, body(number)[4_000:4_100]
    )


# Chance decides which objects are hit, and where.
TRIALS = 4


def test_bits_turned_in_the_log_of_rows(fresh_cluster):
    """The node refuses to start: it cannot know what it promised after the damage."""
    cluster = fresh_cluster
    fill(cluster)
    cluster.kill(3)
    chance, hit = random.Random(1), 0
    for number in chance.sample(range(OBJECTS), TRIALS):
        for path, offset in inside(cluster, ".log", number):
            hit += 1
            place = (path, offset + chance.randrange(100), chance.randrange(8))
            flip(*place)
            before = len(log_text(cluster, 3))
            assert cluster.serve(3).wait(timeout=60) == 1
            said = log_text(cluster, 3)[before:]
            assert "cannot serve from" in said and "orruption" in said, said
            assert "replace the node" in said
            assert served(cluster, 1) == OBJECTS
            flip(*place)
    assert hit >= TRIALS, "the log holds what was written last"
    cluster.restart(3)
    assert served(cluster, 3) == OBJECTS


def test_bits_turned_in_tables_of_rows(fresh_cluster):
    """The node notices with the first look, serves nothing of its own any more, and says so."""
    cluster = fresh_cluster
    fill(cluster)
    for _ in range(2):
        # What is in the log goes to a table when the node starts again.
        cluster.kill(3)
        cluster.restart(3)
    cluster.kill(3)
    chance, hit = random.Random(2), 0
    for number in chance.sample(range(OBJECTS), TRIALS):
        for path, offset in inside(cluster, ".sst", number):
            hit += 1
            place = (path, offset + chance.randrange(100), chance.randrange(8))
            flip(*place)
            before = len(log_text(cluster, 3))
            cluster.serve(3)
            # It reads all its rows after a start, whoever asks for them.
            wait_until(
                lambda: "out of service" in (cluster.readiness(3) or ""),
                "the damage is not noticed",
            )
            assert '"level":"critical"' in log_text(cluster, 3)[before:].replace('": "', '":"')
            assert_others_serve(cluster)
            # Its S3 port goes on with what the others know.
            assert served(cluster, 3) == OBJECTS
            cluster.kill(3)
            flip(*place)
    assert hit >= TRIALS
    cluster.restart(3)
    # With the bits turned back it is the node it was.
    cluster.kill(2)
    wait_until(lambda: served(cluster, 1) == OBJECTS, "node 3 is no full replica")


def test_rows_that_were_damaged_before_they_were_written(fresh_cluster):
    """RocksDB's checksums are right, ours are not: such rows are unknown, and are replaced."""
    cluster = fresh_cluster
    fill(cluster)
    cluster.kill(3)
    chance = random.Random(3)
    names = [key(number).encode() for number in chance.sample(range(OBJECTS), 20)]

    def damage(row, value):
        if not row.endswith(tuple(names)):
            return None
        value = bytearray(value)
        value[chance.randrange(len(value))] ^= 1 << chance.randrange(8)
        return bytes(value)

    assert change_rows(cluster.data(3), damage) == len(names)
    cluster.serve(3)
    wait_until(is_ready(cluster, 3), "node 3 does not start")
    for node in (1, 2, 3):
        assert served(cluster, node) == OBJECTS
    wait_until(
        lambda: cluster.node_total(3, "triolet_rows_repaired_total") >= len(names),
        "the rows are not repaired",
    )
    assert cluster.node_total(3, "triolet_rows_repaired_total") == len(names)
    # Every row of node 3 is needed now.
    cluster.kill(1)
    for node in (2, 3):
        wait_until(lambda node=node: served(cluster, node) == OBJECTS, f"rows are missing at n{node}")


def test_an_empty_directory_is_a_new_node(fresh_cluster):
    """It has the name and the address of the old one, and none of its promises."""
    cluster = fresh_cluster
    fill(cluster)
    old = {node["name"]: node["id"] for node in json.loads(cluster.admin(1, "/v1/nodes"))["nodes"]}
    cluster.kill(3)
    shutil.rmtree(cluster.data(3))
    cluster.serve(3)
    wait_until(lambda: "not a member" in (cluster.readiness(3) or ""), "it does not say so")
    lines = [line for line in cluster.log(3) if line["msg"].startswith("not a member")]
    assert lines[-1]["former.id"] == old["n3"] and lines[-1]["node.id"] != old["n3"]
    assert "docs/operations/recovery.md" in lines[-1]["hint"]

    nodes = {node["name"]: node for node in json.loads(cluster.admin(1, "/v1/nodes"))["nodes"]}
    assert nodes["n3"]["id"] == old["n3"] and not nodes["n3"]["up"], "not taken for the old one"
    assert nodes["n1"]["up"] and nodes["n2"]["up"]
    assert served(cluster, 3) == 0, "its S3 port answers nothing"
    with pytest.raises(ClientError) as refusal:
        cluster.s3(3, attempts=1).put_object(Bucket=BUCKET, Key="new", Body=b"new")
    assert refusal.value.response["Error"]["Code"] == "ServiceUnavailable"

    # The others go on.
    assert_others_serve(cluster)
    data = content(1, 300_000)
    cluster.s3(1).put_object(Bucket=BUCKET, Key="meanwhile", Body=data)
    assert cluster.s3(2).get_object(Bucket=BUCKET, Key="meanwhile")["Body"].read() == data
    listed = cluster.s3(2).list_objects_v2(Bucket=BUCKET)
    assert listed["KeyCount"] == OBJECTS + 1
    # It is no replica: with one more node away there is no majority.
    cluster.kill(2)
    assert served(cluster, 1) == 0 and served(cluster, 3) == 0
    cluster.restart(2)
    assert_others_serve(cluster)
