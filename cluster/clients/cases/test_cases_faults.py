"""Cases 101 to 106: copies that are slow, fail, or lose nodes and clients.

A copy by reference is over before anything can happen to it. These are independent: two nodes that stand still make
them as slow as one likes.
"""

import http.client
import socket
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from botocore.exceptions import ClientError
from cluster import content, digest, wait_until
from drivers import AwsCli
from faults import StandStill
from mounts import S3fs

MIB = 1 << 20
LARGE = content(101, 128 * MIB)
REDUCED = {"x_amz_storage_class": "REDUCED_REDUNDANCY"}
DECLARATION = b'<?xml version="1.0" encoding="UTF-8"?>\n'


@pytest.fixture
def world(breakable):
    """A world whose S/large is 128 MiB long; copied and written through node 1."""
    breakable.writer.put(breakable.S, "large", LARGE).succeeds()
    breakable.large = f"/{breakable.S}/large"
    yield breakable
    for bucket in (breakable.S, breakable.D):
        for key in breakable.reader.get(bucket).texts("Key"):
            breakable.reader.delete(bucket, key)


def begun(world, key="c", source="large"):
    """Sends node 1 a copy that needs chunks stored; of the answer nothing has been read."""
    return world.alice(1).send(
        "PUT", f"/{world.D}/{key}",
        {"x-amz-copy-source": f"{world.S}/{source}", "x-amz-storage-class": "REDUCED_REDUNDANCY"},
    )


def pieces(response):
    """What comes of the body, and when."""
    while data := response.read1(65536):
        yield time.monotonic(), data


def works_again(world):
    """Waits until all nodes take part again."""

    def all_write():
        return all(
            world.alice(node).put(world.S, "probe", b"x").status == 200 for node in (1, 2, 3)
        )

    wait_until(all_write, "the cluster recovers")


def is_old_or_whole(world, key="c", old=None):
    """D/key is absent or `old`, or the whole of the source."""
    found = world.reader.get(world.D, key)
    if found.status == 404:
        assert old is None
    else:
        assert found.succeeds().body in (LARGE, old)


def test_101_slow_copy_is_kept_alive(world):
    """A copy that takes long begins its answer after 3 s and then shows life every 10 s"""
    # Whenever the nodes get on a little, some chunks come through.
    longer = LARGE + LARGE[: 80 * MIB]
    world.writer.put(world.S, "longer", longer).succeeds()
    s3 = world.s3(1, read_timeout=8)
    with ThreadPoolExecutor(1) as pool, StandStill(world.cluster, seconds=32):
        started = time.monotonic()
        by_boto3 = pool.submit(
            s3.copy_object, Bucket=world.D, Key="boto3", StorageClass="REDUCED_REDUNDANCY",
            CopySource={"Bucket": world.S, "Key": "longer"},
        )
        response = begun(world, source="longer").getresponse()
        assert response.status == 200
        # After 3 s; the rest is the time of machines that are busy.
        assert 2.5 < time.monotonic() - started < 8
        arrived = list(pieces(response))
        assert by_boto3.result()["CopyObjectResult"]["ETag"]
        seconds = time.monotonic() - started
    assert seconds > 20, "the copy was not slow enough"
    times = [started] + [moment for moment, _ in arrived]
    assert max(later - earlier for earlier, later in zip(times, times[1:])) < 10
    body = b"".join(data for _, data in arrived)
    assert body.startswith(DECLARATION)
    rest = body.removeprefix(DECLARATION)
    assert rest.startswith(b"  "), "several signs of life"
    assert rest.lstrip(b" ").startswith(b"<CopyObjectResult xmlns=")
    works_again(world)
    for key in ("c", "boto3"):
        assert digest(world.bytes_of(world.D, key)) == digest(longer)


def test_102_failure_behind_the_beginning_of_an_answer(world, tmp_path):
    """A copy that fails late ends in `<Error>`; boto3 raises, moves by aws-cli and s3fs keep the source"""
    for key in ("aws", "s3fs"):
        world.copier.copy(world.large, world.S, key).copied()
    world.writer.put(world.D, "old", b"old").succeeds()
    aws = AwsCli(world.cluster, tmp_path / "aws")
    aws.extra = {
        "AWS_MAX_ATTEMPTS": "1", "AWS_ACCESS_KEY_ID": "AKIAALICE",
        "AWS_SECRET_ACCESS_KEY": "alices-secret",
    }
    aws.configure(multipart_threshold="4GB")
    mount = S3fs(world, tmp_path, world.S, 1, "-o", "storage_class=reduced_redundancy", "-o",
                 "retries=1")

    def moved_by_aws():
        with pytest.raises(AssertionError):
            aws.aws(
                1, "mv", "--storage-class", "REDUCED_REDUNDANCY", f"s3://{world.S}/aws",
                f"s3://{world.D}/aws",
            )

    def moved_by_s3fs():
        result = subprocess.run(
            ["mv", mount.path / "s3fs", mount.path / "moved"], capture_output=True, timeout=120
        )
        assert result.returncode != 0

    def copied_by_boto3():
        with pytest.raises(ClientError) as failure:
            world.s3(1).copy_object(
                Bucket=world.D, Key="boto3", StorageClass="REDUCED_REDUNDANCY",
                CopySource={"Bucket": world.S, "Key": "large"},
            )
        assert failure.value.response["ResponseMetadata"]["HTTPStatusCode"] in (500, 503)

    clients = [moved_by_aws, copied_by_boto3]
    with mount, ThreadPoolExecutor(3) as pool:
        if mount.is_mounted:
            clients.append(moved_by_s3fs)
        with StandStill(world.cluster):
            others = [pool.submit(client) for client in clients]
            answer = begun(world, "old").getresponse()
            body = answer.read()
            for other in others:
                other.result()
    assert answer.status == 200
    rest = body.removeprefix(DECLARATION).lstrip(b" ")
    assert rest.startswith(b"<Error><Code>") and rest.endswith(b"</Error>"), body
    assert b"xmlns" not in body
    works_again(world)
    for key in ("aws", "s3fs"):
        assert world.head(world.S, key)["content-length"] == str(len(LARGE))
    world.is_absent(world.S, "moved")
    for key in ("aws", "boto3"):
        world.is_absent(world.D, key)
    assert world.bytes_of(world.D, "old") == b"old"


def test_103_node_dies_behind_the_beginning_of_an_answer(world):
    """A node that dies behind the 200 resets the connection; another node makes the copy"""
    world.writer.put(world.D, "c", b"old").succeeds()
    with StandStill(world.cluster):
        answer = begun(world).getresponse()
        assert answer.status == 200
        world.cluster.kill(1)
        with pytest.raises((http.client.IncompleteRead, ConnectionError)):
            answer.read()
    wait_until(lambda: world.reader.head(world.D, "c").status == 200, "others answer")
    is_old_or_whole(world, old=b"old")
    wait_until(
        lambda: world.alice(2).copy(world.large, world.D, "c", **REDUCED).status == 200,
        "another node makes the copy",
    )
    assert digest(world.bytes_of(world.D, "c")) == digest(LARGE)
    world.cluster.restart(1)
    works_again(world)


def test_104_node_away_during_a_copy(world):
    """With a node away copies are made; when it is back it gets its replicas"""
    cluster = world.cluster
    cluster.kill(3)
    data = content(104, 9 * MIB)
    world.writer.put(world.S, "s", data).succeeds()
    answer = world.copier.copy(
        f"{world.S}/s", world.D, "c", x_triolet_copy_mode="independent"
    ).copied()
    assert answer.headers["x-triolet-copy-mode"] == "independent"
    world.copier.copy(f"{world.S}/s", world.D, "d").copied()
    cluster.restart(3)
    # Three nodes, three replicas: every node has everything that is STANDARD.
    world.writer.delete(world.S, "large").succeeds(204)

    def is_repaired():
        stored = [cluster.node_total(node, "triolet_chunks_stored") for node in (1, 2, 3)]
        return stored[0] > 0 and len(set(stored)) == 1

    wait_until(is_repaired, "repair brings back three replicas", within=30)
    cluster.kill(1)
    for key in "cd":
        wait_until(lambda: world.reader.head(world.D, key).status == 200, "node 3 answers")
        assert world.bytes_of(world.D, key) == data
    cluster.restart(1)
    works_again(world)


def test_105_no_majority(world):
    """Without a majority a copy fails, changes nothing and leaves nothing behind"""
    world.writer.put(world.D, "c", b"old").succeeds()
    before = world.settled()
    for node in (2, 3):
        world.cluster.kill(node)
    for headers in ({}, REDUCED):
        answer = world.alice(1).copy(world.large, world.D, "c", **headers)
        if answer.status == 200:
            assert answer.root.tag == "Error"
        else:
            assert answer.status in (500, 503) and answer.root.tag == "Error"
    for node in (2, 3):
        world.cluster.restart(node)
    works_again(world)
    assert world.bytes_of(world.D, "c") == b"old"
    world.gives_back(before)
    world.writer.delete(world.S, "large").succeeds(204)
    wait_until(
        lambda: world.stored() <= before - 3 * len(LARGE) // 2, "the references are gone",
        within=30,
    )


def test_106_client_goes_away_during_a_copy(world):
    """A client that goes away leaves the old object or the whole new one, and no references"""
    before = world.settled()
    with StandStill(world.cluster, seconds=4):
        connection = begun(world)
        assert connection.getresponse().status == 200
        connection.sock.shutdown(socket.SHUT_RDWR)
        connection.close()
    works_again(world)
    wait_until(
        lambda: world.cluster.total("triolet_copy_in_progress") == 0, "the copy is given up"
    )
    is_old_or_whole(world)
    world.writer.delete(world.D, "c").succeeds(204)
    world.gives_back(before)
    world.writer.delete(world.S, "large").succeeds(204)
    wait_until(
        lambda: world.stored() <= before - 3 * len(LARGE) // 2, "the references are gone",
        within=30,
    )
