"""Answers that begin before their result is known, and what real clients make of them.

A copy to another storage class needs chunks stored by other nodes. Two nodes that stand still (SIGSTOP) make it as slow
as one likes; the node that was asked then begins its answer after three seconds.
"""

import http.client
import time

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from cluster import content, digest, started
from drivers import DRIVERS
from faults import StandStill

MEBIBYTE = 1 << 20
BUCKET = "late"
SOURCE = content(21, 128 * MEBIBYTE)
REDUCED = "REDUCED_REDUNDANCY"


@pytest.fixture(scope="module")
def slow_cluster(tmp_path_factory):
    for cluster in started(tmp_path_factory.mktemp("late")):
        s3 = cluster.s3(1)
        s3.create_bucket(Bucket=BUCKET)
        s3.put_object(Bucket=BUCKET, Key="source", Body=SOURCE)
        yield cluster


def prepared(client):
    """The client with one attempt for each request, and copies in one piece."""
    client.extra = {"AWS_MAX_ATTEMPTS": "1"}
    if isinstance(client, DRIVERS["aws"]):
        client.configure(multipart_threshold="4GB")
    return client


def copy(client, verb, source, target):
    """Copies or moves to another storage class, through node 1."""
    if isinstance(client, DRIVERS["aws"]):
        verb = {"copy": "cp", "move": "mv"}[verb]
        client.aws(
            1, verb, "--storage-class", REDUCED, f"s3://{BUCKET}/{source}", f"s3://{BUCKET}/{target}"
        )
    elif isinstance(client, DRIVERS["rclone"]):
        verb = {"copy": "copyto", "move": "moveto"}[verb]
        client.rclone(
            1, "--low-level-retries=1", f"--s3-storage-class={REDUCED}", verb,
            f"triolet:{BUCKET}/{source}", f"triolet:{BUCKET}/{target}",
        )
    elif isinstance(client, DRIVERS["s3cmd"]):
        verb = {"copy": "cp", "move": "mv"}[verb]
        client.s3cmd(
            1, f"--storage-class={REDUCED}", verb, f"s3://{BUCKET}/{source}",
            f"s3://{BUCKET}/{target}",
        )
    else:
        s3 = client.cluster.s3(1, attempts=1)
        s3.copy_object(
            Bucket=BUCKET,
            Key=target,
            CopySource={"Bucket": BUCKET, "Key": source},
            StorageClass=REDUCED,
        )
        if verb == "move":
            s3.delete_object(Bucket=BUCKET, Key=source)


def settled(cluster):
    """Waits until the nodes that stood still take part again."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            for node in (1, 2, 3):
                cluster.s3(node, attempts=1).put_object(Bucket=BUCKET, Key="probe", Body=b"x")
            return
        except ClientError:
            time.sleep(0.5)
    raise AssertionError("the cluster does not recover")


def head(cluster, key):
    try:
        return cluster.s3(2).head_object(Bucket=BUCKET, Key=key)
    except ClientError as error:
        assert error.response["Error"]["Code"] == "404"
        return None


@pytest.mark.parametrize("name", sorted(DRIVERS))
def test_result_behind_spaces_is_a_success(slow_cluster, tmp_path, name):
    client = prepared(DRIVERS[name](slow_cluster, tmp_path / "home"))
    started = time.monotonic()
    with StandStill(slow_cluster, seconds=6):
        copy(client, "copy", "source", f"{name}-copy")
    assert time.monotonic() - started > 4, "the copy was not slow enough for a late answer"
    found = slow_cluster.s3(2).get_object(Bucket=BUCKET, Key=f"{name}-copy")
    assert found["StorageClass"] == REDUCED
    assert digest(found["Body"].read()) == digest(SOURCE)
    settled(slow_cluster)


@pytest.mark.parametrize("name", sorted(DRIVERS))
def test_error_behind_spaces_is_a_failure_and_a_move_keeps_its_source(
    slow_cluster, tmp_path, name
):
    client = prepared(DRIVERS[name](slow_cluster, tmp_path / "home"))
    key = f"{name}-to-move"
    # By reference: for nothing.
    slow_cluster.s3(1).copy_object(
        Bucket=BUCKET, Key=key, CopySource={"Bucket": BUCKET, "Key": "source"}
    )
    with StandStill(slow_cluster), pytest.raises((AssertionError, ClientError)) as failure:
        copy(client, "move", key, f"{name}-moved")
    print(f"{name}: {str(failure.value).splitlines()[-1][:300]}")
    settled(slow_cluster)
    assert head(slow_cluster, key)["ContentLength"] == len(SOURCE)
    assert head(slow_cluster, f"{name}-moved") is None


def raw_copy(cluster, target):
    """Sends a signed CopyObject to node 1; the answer has not been read."""
    keys = cluster.keys()
    request = AWSRequest(
        "PUT",
        f"{cluster.endpoint(1)}/{BUCKET}/{target}",
        headers={
            "x-amz-copy-source": f"{BUCKET}/source",
            "x-amz-storage-class": REDUCED,
            "x-amz-content-sha256": "UNSIGNED-PAYLOAD",
        },
    )
    credentials = Credentials(keys["AWS_ACCESS_KEY_ID"], keys["AWS_SECRET_ACCESS_KEY"])
    SigV4Auth(credentials, "s3", keys["AWS_DEFAULT_REGION"]).add_auth(request)
    connection = http.client.HTTPConnection(cluster.host(1), timeout=60)
    connection.request("PUT", f"/{BUCKET}/{target}", headers=dict(request.headers) | {
        "Content-Length": "0"
    })
    return connection


DECLARATION = b'<?xml version="1.0" encoding="UTF-8"?>\n'


def test_bytes_of_a_late_success(slow_cluster):
    started = time.monotonic()
    with StandStill(slow_cluster, seconds=12):
        answer = raw_copy(slow_cluster, "raw").getresponse()
        assert answer.status == 200
        begun = time.monotonic() - started
        body = answer.read()
    assert 2.5 < begun < time.monotonic() - started - 0.5, "it begins while the copy goes on"
    assert body.startswith(DECLARATION)
    rest = body.removeprefix(DECLARATION).lstrip(b" ")
    assert rest.startswith(b"<CopyObjectResult xmlns=") and rest.endswith(b"</CopyObjectResult>")
    settled(slow_cluster)


def test_bytes_of_a_late_error(slow_cluster):
    with StandStill(slow_cluster):
        answer = raw_copy(slow_cluster, "raw-error").getresponse()
        body = answer.read()
    assert answer.status == 200
    rest = body.removeprefix(DECLARATION).lstrip(b" ")
    assert rest.startswith(b"<Error><Code>") and rest.endswith(b"</Error>"), body
    settled(slow_cluster)
    assert head(slow_cluster, "raw-error") is None


def test_a_node_that_dies_during_a_late_answer_resets_the_connection(slow_cluster):
    with StandStill(slow_cluster):
        answer = raw_copy(slow_cluster, "raw-reset").getresponse()
        assert answer.status == 200
        slow_cluster.kill(1)
        with pytest.raises((http.client.IncompleteRead, ConnectionError)):
            answer.read()
    slow_cluster.restart(1)
    settled(slow_cluster)
    found = head(slow_cluster, "raw-reset")
    assert found is None or found["ContentLength"] == len(SOURCE)
