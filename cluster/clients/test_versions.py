"""A bucket keeps versions: each write is read by its id through every node, also while a node is
away; what is deleted by its id gives back the one before; and in the end nothing is left of any."""

import pytest
from botocore.exceptions import ClientError
from cluster import QUICK, content, started, wait_until

BUCKET = "versions"
MIB = 1 << 20
# In the version itself; in one chunk; in several.
SIZES = [200, 30_000, 5 * MIB]


@pytest.fixture
def quick(tmp_path):
    """Three nodes that sweep and audit all the time."""
    yield from started(tmp_path / "versions", environment=QUICK)


def code(operation, *arguments, **parameters):
    """What an operation fails with: code, status and headers."""
    with pytest.raises(ClientError) as failure:
        operation(*arguments, **parameters)
    response = failure.value.response
    metadata = response["ResponseMetadata"]
    return response["Error"]["Code"], metadata["HTTPStatusCode"], metadata["HTTPHeaders"]


def versions(s3, **parameters):
    """All versions and markers of the bucket, page by page."""
    found = {"Versions": [], "DeleteMarkers": []}
    pages = s3.get_paginator("list_object_versions").paginate(Bucket=BUCKET, **parameters)
    for page in pages:
        for kind, all_of_it in found.items():
            all_of_it += page.get(kind, [])
    return found["Versions"], found["DeleteMarkers"]


def read(s3, key, version=None):
    parameters = {"VersionId": version} if version else {}
    answer = s3.get_object(Bucket=BUCKET, Key=key, **parameters)
    if version:
        assert answer["VersionId"] == version
    return answer["Body"].read()


def set_status(s3, status):
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": status})


def test_versions_from_the_first_to_the_last(quick):
    nodes = range(1, quick.nodes + 1)
    clients = [quick.s3(node, attempts=4) for node in nodes]
    first, second, third = clients
    first.create_bucket(Bucket=BUCKET)
    assert "Status" not in second.get_bucket_versioning(Bucket=BUCKET)
    before = first.put_object(Bucket=BUCKET, Key="o", Body=b"before")
    assert "VersionId" not in before

    # Enabled: what was there is the version null, and each write adds one.
    set_status(second, "Enabled")
    for s3 in clients:
        assert s3.get_bucket_versioning(Bucket=BUCKET)["Status"] == "Enabled"
    bodies = {"null": b"before"}
    order = ["null"]
    for number, size in enumerate(SIZES * 2):
        data = content(number, size)
        made = clients[number % 3].put_object(Bucket=BUCKET, Key="o", Body=data)["VersionId"]
        bodies[made] = data
        order.insert(0, made)
    assert len(bodies) == 1 + 2 * len(SIZES)

    # A node dies; all versions are read, listed and copied through the others.
    quick.kill(2)
    for s3 in (first, third):
        for version, data in bodies.items():
            assert read(s3, "o", version) == data
        assert read(s3, "o") == bodies[order[0]]
        listed, markers = versions(s3, PaginationConfig={"PageSize": 2})
        assert [version["VersionId"] for version in listed] == order and not markers
        assert [version["IsLatest"] for version in listed] == [True] + [False] * (len(order) - 1)
        assert [version["Size"] for version in listed] == [len(bodies[name]) for name in order]
    oldest = order[-2]
    source = {"Bucket": BUCKET, "Key": "o", "VersionId": oldest}
    copied = third.copy_object(Bucket=BUCKET, Key="copy", CopySource=source)
    assert copied["CopySourceVersionId"] == oldest
    assert read(first, "copy", copied["VersionId"]) == bodies[oldest]
    made = first.put_object(Bucket=BUCKET, Key="o", Body=b"without one node")["VersionId"]
    bodies[made] = b"without one node"
    order.insert(0, made)
    quick.restart(2)
    wait_until(lambda: quick.readiness(2) == "ready", "node 2 to be ready again")
    for version, data in bodies.items():
        assert read(second, "o", version) == data

    # A delete marker hides the key; deleted by its id it gives it back.
    marker = second.delete_object(Bucket=BUCKET, Key="o")
    assert marker["DeleteMarker"] is True
    for s3 in clients:
        name, status, headers = code(s3.get_object, Bucket=BUCKET, Key="o")
        assert (name, status) == ("NoSuchKey", 404)
        assert headers["x-amz-delete-marker"] == "true"
        name, status, headers = code(
            s3.get_object, Bucket=BUCKET, Key="o", VersionId=marker["VersionId"]
        )
        assert (name, status) == ("MethodNotAllowed", 405)
        keys = [item["Key"] for item in s3.list_objects_v2(Bucket=BUCKET)["Contents"]]
        assert keys == ["copy"]
        assert [item["VersionId"] for item in versions(s3)[1]] == [marker["VersionId"]]
    assert code(third.delete_bucket, Bucket=BUCKET)[0] == "BucketNotEmpty"
    third.delete_object(Bucket=BUCKET, Key="o", VersionId=marker["VersionId"])
    assert read(first, "o") == bodies[order[0]]

    # The newest version deleted for good: the one before it is back.
    first.delete_object(Bucket=BUCKET, Key="o", VersionId=order[0])
    assert code(second.get_object, Bucket=BUCKET, Key="o", VersionId=order[0])[0] == "NoSuchVersion"
    del bodies[order.pop(0)]
    assert read(second, "o") == bodies[order[0]]

    # Suspended: one version null, which is written again; the others stay.
    set_status(third, "Suspended")
    for body in (b"once", b"twice"):
        assert "VersionId" not in second.put_object(Bucket=BUCKET, Key="o", Body=body)
    order.remove("null")
    order.insert(0, "null")
    bodies["null"] = b"twice"
    for s3 in clients:
        listed, _ = versions(s3, Prefix="o")
        assert [version["VersionId"] for version in listed] == order
        for version, data in bodies.items():
            assert read(s3, "o", version) == data
    hidden = first.delete_object(Bucket=BUCKET, Key="o")
    assert hidden["DeleteMarker"] is True and hidden["VersionId"] == "null"
    assert code(third.get_object, Bucket=BUCKET, Key="o")[0] == "NoSuchKey"

    # All of it goes, and the bucket with it.
    listed, markers = versions(second)
    objects = [
        {"Key": item["Key"], "VersionId": item["VersionId"]} for item in listed + markers
    ]
    answer = second.delete_objects(Bucket=BUCKET, Delete={"Objects": objects})
    assert len(answer["Deleted"]) == len(objects) and "Errors" not in answer
    assert versions(third) == ([], [])
    third.delete_bucket(Bucket=BUCKET)
    wait_until(
        lambda: quick.total("triolet_chunks_stored") == 0, "chunks without a version", within=120
    )
