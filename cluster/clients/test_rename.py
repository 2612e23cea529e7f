"""Objects are renamed through three nodes: whole and at once, while others read and write both keys,
with a node dead in between; and in the end nothing is left of any."""

import threading

import pytest
from botocore.exceptions import ClientError
from cluster import QUICK, content, started, wait_until

BUCKET = "renames"
MIB = 1 << 20
# In the version itself; in one chunk; in several.
SIZES = [200, 30_000, 9 * MIB]


@pytest.fixture
def quick(tmp_path):
    """Three nodes that sweep and audit all the time."""
    yield from started(tmp_path / "renames", environment=QUICK)


def code(operation, **parameters):
    """What an operation fails with: code and status."""
    with pytest.raises(ClientError) as failure:
        operation(**parameters)
    response = failure.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]


def read(s3, key):
    """What a key holds; None for nothing."""
    try:
        return s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()
    except s3.exceptions.NoSuchKey:
        return None


def rename(s3, old, new, **parameters):
    answer = s3.rename_object(
        Bucket=BUCKET, Key=new, RenameSource=f"/{BUCKET}/{old}", **parameters
    )
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 200


def keys(s3):
    return [item["Key"] for item in s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])]


def test_renames_through_all_nodes(quick):
    clients = [quick.s3(node, attempts=4) for node in range(1, quick.nodes + 1)]
    first, second, third = clients
    first.create_bucket(Bucket=BUCKET)
    for number, size in enumerate(SIZES):
        data = content(number, size)
        first.put_object(
            Bucket=BUCKET, Key="old", Body=data, Metadata={"n": str(number)}, Tagging="a=b"
        )
        before = second.head_object(Bucket=BUCKET, Key="old")
        rename(clients[number], "old", "new")
        for s3 in clients:
            assert read(s3, "old") is None and read(s3, "new") == data
            assert keys(s3) == ["new"]
        after = third.head_object(Bucket=BUCKET, Key="new")
        for name in ("ETag", "LastModified", "Metadata", "ContentLength"):
            assert after[name] == before[name]
        tags = second.get_object_tagging(Bucket=BUCKET, Key="new")["TagSet"]
        assert tags == [{"Key": "a", "Value": "b"}]

    # Refused: nothing there, something there, another bucket, a setting.
    assert code(second.rename_object, Bucket=BUCKET, Key="x", RenameSource="old") == (
        "NoSuchKey",
        404,
    )
    third.put_object(Bucket=BUCKET, Key="old", Body=b"old")
    etag = third.head_object(Bucket=BUCKET, Key="new")["ETag"]
    taken = {"Bucket": BUCKET, "Key": "new", "RenameSource": f"{BUCKET}/old"}
    for condition in (
        {"DestinationIfNoneMatch": "*"},
        {"DestinationIfMatch": '"other"'},
        {"SourceIfMatch": etag},
    ):
        assert code(first.rename_object, **taken, **condition) == ("PreconditionFailed", 412)
    assert keys(second) == ["new", "old"]
    rename(first, "old", "new", DestinationIfMatch=etag)
    assert read(third, "new") == b"old"

    # A name with all sorts of characters.
    second.put_object(Bucket=BUCKET, Key="a b+ü/%41", Body=b"odd")
    rename(third, "a%20b%2B%C3%BC/%2541", "new")
    assert read(first, "new") == b"odd" and keys(first) == ["new"]

    # A node dies; the others rename, and it knows when it is back.
    quick.kill(2)
    for turn in range(6):
        old, new = ("new", "old") if turn % 2 == 0 else ("old", "new")
        rename((first, third)[turn % 2], old, new)
        assert read(third, new) == b"odd" and read(first, old) is None
    quick.restart(2)
    wait_until(lambda: quick.readiness(2) == "ready", "node 2 to be ready again")
    assert read(second, "new") == b"odd" and keys(second) == ["new"]

    second.delete_object(Bucket=BUCKET, Key="new")
    wait_until(
        lambda: quick.total("triolet_chunks_stored") == 0, "chunks without a version", within=120
    )
    first.delete_bucket(Bucket=BUCKET)


def test_an_object_is_never_under_both_names_nor_lost(quick):
    """It goes from name to name, and others look for it at one name after the other: it is at the
    next one, or further on, as soon as it is not at one any more."""
    clients = [quick.s3(node, attempts=8) for node in range(1, quick.nodes + 1)]
    clients[0].create_bucket(Bucket=BUCKET)
    data = content(7, 50_000)
    clients[0].put_object(Bucket=BUCKET, Key="0", Body=data)
    ended = threading.Event()
    wrong = []

    def watch(s3):
        while not ended.is_set():
            for name in range(100):
                found = read(s3, str(name))
                if found is not None:
                    if found != data:
                        wrong.append(name)
                    break
            else:
                wrong.append("gone")

    watchers = [threading.Thread(target=watch, args=(s3,)) for s3 in clients]
    for watcher in watchers:
        watcher.start()
    try:
        for name in range(40):
            rename(clients[name % 3], str(name), str(name + 1))
    finally:
        ended.set()
        for watcher in watchers:
            watcher.join()
    assert not wrong
    assert keys(clients[1]) == ["40"]
