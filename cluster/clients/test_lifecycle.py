"""Lifecycle rules on a real cluster whose days are short: what is old goes, also while a node is
away; what is young, tagged otherwise or no rule is about stays."""

import time

import pytest
from botocore.exceptions import ClientError
from cluster import content, started, wait_until

DAY_SECONDS = 4
MIB = 1 << 20
SHORT = {
    "TRIOLET_LIFECYCLE_DAY": f"{DAY_SECONDS}s",
    "TRIOLET_TUNING_RELEASE_GRACE": "1s",
    "TRIOLET_TUNING_SWEEP_INTERVAL": "1s",
}


@pytest.fixture
def short(tmp_path):
    """Three nodes with days of some seconds."""
    yield from started(tmp_path / "lifecycle", environment=SHORT)


def set_rules(s3, bucket, *rules):
    s3.put_bucket_lifecycle_configuration(
        Bucket=bucket, LifecycleConfiguration={"Rules": [{"Status": "Enabled"} | r for r in rules]}
    )


def keys(s3, bucket):
    return [entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket).get("Contents", [])]


def test_objects(short):
    """Days=1 removes what it is about, tells when, and frees the room; the rest stays."""
    nodes = [short.s3(node) for node in (1, 2, 3)]
    s3 = nodes[0]
    s3.create_bucket(Bucket="logs")
    with pytest.raises(ClientError) as failure:
        s3.get_bucket_lifecycle_configuration(Bucket="logs")
    assert failure.value.response["Error"]["Code"] == "NoSuchLifecycleConfiguration"
    set_rules(
        s3,
        "logs",
        {"ID": "old", "Filter": {"Prefix": "old/"}, "Expiration": {"Days": 1}},
        {"Filter": {"Tag": {"Key": "kind", "Value": "tmp"}}, "Expiration": {"Days": 1}},
        {"ID": "later", "Filter": {"Prefix": "later/"}, "Expiration": {"Days": 1000}},
    )
    rules = nodes[1].get_bucket_lifecycle_configuration(Bucket="logs")["Rules"]
    assert [rule["ID"] for rule in rules][::2] == ["old", "later"] and rules[1]["ID"]
    put = s3.put_object(Bucket="logs", Key="old/0", Body=content(1, 2 * MIB))
    assert 'rule-id="old"' in put["Expiration"]
    for number in range(1, 40):
        nodes[number % 3].put_object(Bucket="logs", Key=f"old/{number}", Body=b"x")
    s3.put_object(Bucket="logs", Key="tmp", Body=b"x", Tagging="kind=tmp")
    s3.put_object(Bucket="logs", Key="kept", Body=b"x", Tagging="kind=other")
    s3.put_object(Bucket="logs", Key="later/a", Body=b"x")
    head = nodes[2].head_object(Bucket="logs", Key="later/a")
    assert 'rule-id="later"' in head["Expiration"]
    wait_until(
        lambda: keys(nodes[1], "logs") == ["kept", "later/a"], "old objects go", 10 * DAY_SECONDS
    )
    wait_until(
        lambda: short.total("triolet_lifecycle_expired_total", what="object") == 41,
        "each is counted once",
    )
    wait_until(lambda: short.total("triolet_chunks_stored") == 0, "their content goes, too")
    s3.delete_bucket_lifecycle(Bucket="logs")
    s3.put_object(Bucket="logs", Key="old/again", Body=b"x")
    time.sleep(3 * DAY_SECONDS)
    assert keys(s3, "logs") == ["kept", "later/a", "old/again"]


def test_versions_and_uploads(short):
    """Noncurrent versions go by their number and age, uploads if they are left open."""
    s3, other = short.s3(1), short.s3(2)
    s3.create_bucket(Bucket="kept")
    s3.put_bucket_versioning(Bucket="kept", VersioningConfiguration={"Status": "Enabled"})
    made = [s3.put_object(Bucket="kept", Key="a", Body=b"x")["VersionId"] for _ in range(5)]
    upload = s3.create_multipart_upload(Bucket="kept", Key="up")["UploadId"]
    s3.upload_part(Bucket="kept", Key="up", UploadId=upload, PartNumber=1, Body=content(2, MIB))
    short.kill(3)
    set_rules(
        s3,
        "kept",
        {
            "ID": "all",
            "Filter": {},
            "NoncurrentVersionExpiration": {"NoncurrentDays": 1, "NewerNoncurrentVersions": 2},
            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1},
        },
    )

    def versions():
        found = other.list_object_versions(Bucket="kept")
        return [version["VersionId"] for version in found.get("Versions", [])]

    wait_until(lambda: versions() == made[:1:-1], "all but three go", 15 * DAY_SECONDS)
    wait_until(
        lambda: not other.list_multipart_uploads(Bucket="kept").get("Uploads"),
        "the upload is aborted",
        15 * DAY_SECONDS,
    )
    set_rules(
        s3,
        "kept",
        {
            "Filter": {},
            "Expiration": {"Days": 1},
            "NoncurrentVersionExpiration": {"NoncurrentDays": 1},
        },
    )

    def is_empty():
        found = other.list_object_versions(Bucket="kept")
        return not found.get("Versions") and not found.get("DeleteMarkers")

    # Hidden first, then gone, and in the end the marker.
    wait_until(is_empty, "nothing is left", 25 * DAY_SECONDS)
    short.restart(3)
    wait_until(lambda: short.readiness(3) == "ready", "node 3 is back")
    short.s3(3).delete_bucket(Bucket="kept")
