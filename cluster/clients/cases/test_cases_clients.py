"""Cases 107 to 110: many at once, all nodes, all kinds of requests, all clients."""

import random
from concurrent.futures import ThreadPoolExecutor

import pytest
from cluster import content, digest
from drivers import AwsCli, Rclone, S3cmd
from minio import Minio
from minio.commonconfig import ComposeSource, CopySource
from mounts import S3fs
from raw import NAMESPACE

OLD, NEW = content(107, 90_000), content(108, 70_000)
# Keys of cases 16 to 27.
KEYS = [
    "a b", "a+b", "a%2Bb", "ü/é", "a👍🏽b", "a?b", "a?versionId=x", "?versionId", "a&b=c;d",
    "x//y", "tail/", "tail//", "/lead", "file%2Fname",
]
# What some clients do not send as it is: paths to them, not keys.
PATHS = [key for key in KEYS if "//" not in key and not key.startswith("/") and key[-1] != "/"]


def test_107_source_that_changes_during_copies(world):
    """Each of 100 copies of a source that is overwritten and deleted is whole, or 404"""
    world.writer.put(world.S, "s", OLD).succeeds()

    def change(number):
        if number % 3 == 0:
            world.writer.delete(world.S, "s").succeeds(204)
        else:
            world.writer.put(world.S, "s", NEW if number % 3 == 1 else OLD).succeeds()

    def copy(number):
        client = world.alice(1 + number % 3)
        return client.copy(f"{world.S}/s", world.D, f"c{number}")

    with ThreadPoolExecutor(9) as pool:
        changes = pool.submit(lambda: [change(number) for number in range(60)])
        answers = list(pool.map(copy, range(100)))
        changes.result()
    for number, answer in enumerate(answers):
        if answer.status == 404:
            answer.fails(404, "NoSuchKey", Key="s")
            world.is_absent(world.D, f"c{number}")
        else:
            answer.copied()
            assert world.bytes_of(world.D, f"c{number}") in (OLD, NEW)
    assert {answer.status for answer in answers} <= {200, 404}
    assert any(answer.status == 200 for answer in answers)


def test_108_copy_is_seen_through_every_node_at_once(world):
    """GET, HEAD and LIST through every node show a copy as soon as it is answered"""
    for number in range(10):
        body = f"round {number}".encode()
        world.writer.put(world.S, "s", body).succeeds()
        world.alice(1 + number % 3).copy(f"{world.S}/s", world.D, "c").copied()
        for node in (1, 2, 3):
            client = world.alice(node)
            found = client.get(world.D, "c").succeeds()
            assert found.body == body
            assert client.head(world.D, "c").succeeds().headers["etag"] == found.etag
            listed = client.get(world.D, query="list-type=2").succeeds()
            assert (listed.text("Key"), listed.text("ETag")) == ("c", found.etag)


def random_headers(world, draw):
    """Headers of a copy, most of them wrong in some way."""
    choices = {
        "x-amz-copy-source": [
            world.o, f"{world.S}/%zz", "x", "", f"{world.S}/none", f"/{world.S}/o?versionId=x",
            f"{world.D}/c",
        ],
        "x-amz-metadata-directive": ["REPLACE", "COPY", "x", ""],
        "x-amz-tagging-directive": ["REPLACE", "x"],
        "x-amz-tagging": ["a=b", "a=b&a=c", "%"],
        "x-amz-storage-class": ["STANDARD", "GLACIER", "x"],
        "x-amz-copy-source-if-match": ["*", '"x"', ""],
        "x-amz-copy-source-if-modified-since": ["yesterday", "Thu, 01 Jan 1970 00:00:00 GMT"],
        "x-amz-copy-source-range": ["bytes=0-3", "bytes=9-99", "x"],
        "x-amz-checksum-algorithm": ["CRC32", "SHA1", "x"],
        "x-amz-acl": ["private", "x"],
        "If-None-Match": ["*", '"x"'],
        "If-Match": ["*", '"x"'],
        "Content-MD5": ["x", "1B2M2Y8AsgTpgAmY7PhCfg=="],
        "x-amz-server-side-encryption": ["AES256"],
        "x-amz-website-redirect-location": ["/x", "x"],
        "x-triolet-copy-mode": ["independent", "x"],
    }
    headers = {
        name: draw.choice(values) for name, values in choices.items() if draw.random() < 0.15
    }
    source = draw.choice(choices["x-amz-copy-source"] + 6 * [world.o])
    return headers | {"x-amz-copy-source": source}


def test_109_no_answer_is_empty(world):
    """Whatever is wrong with 300 copies, each answer has a root element that fits its status"""
    draw = random.Random(109)
    upload = world.writer.create_upload(world.D, "m")
    queries = 8 * [""] + [
        f"?partNumber=1&uploadId={upload}", f"?partNumber=x&uploadId={upload}",
        "?partNumber=1&uploadId=x", "?tagging", "?versionId=x",
    ]
    results = {"CopyObjectResult": 0, "CopyPartResult": 0, "Error": 0}
    for _ in range(300):
        target = draw.choice([f"/{world.D}/c", f"/{world.D}/m", f"/{world.S}/o", "/none/c"])
        answer = world.copier.request(
            "PUT", target + draw.choice(queries), random_headers(world, draw)
        )
        root = answer.root.tag.removeprefix(NAMESPACE)
        results[root] += 1
        assert (answer.status == 200) == (root != "Error"), answer
    assert min(results.values()) > 0, results


# Case 110. Each client copies and moves all keys that it can name, and does what it does besides.


@pytest.fixture
def filled(world):
    """S with an object under each of the awkward keys; their contents by key."""
    world.writer.delete(world.S, "o").succeeds(204)
    contents = {key: f"content of {key}".encode() for key in KEYS}
    for key, data in contents.items():
        world.writer.put(world.S, key, data, Content_Type="text/plain").succeeds()
    return contents


def has(world, bucket, contents):
    """The bucket has these objects, and no others."""
    listed = world.reader.get(bucket, query="list-type=2").succeeds().texts("Key")
    assert sorted(listed) == sorted(contents)
    for key, data in contents.items():
        assert digest(world.bytes_of(bucket, key)) == digest(data), key


def emptied(world, bucket):
    for key in world.reader.get(bucket).succeeds().texts("Key"):
        world.writer.delete(bucket, key).succeeds(204)


def of_alice(driver, world, directory):
    client = driver(world.cluster, directory / "home")
    client.extra = {
        "AWS_ACCESS_KEY_ID": "AKIAALICE", "AWS_SECRET_ACCESS_KEY": "alices-secret",
        "RCLONE_CONFIG_TRIOLET_ACCESS_KEY_ID": "AKIAALICE",
        "RCLONE_CONFIG_TRIOLET_SECRET_ACCESS_KEY": "alices-secret",
    }
    return client


def test_110_aws_cli(world, filled, tmp_path):
    """`aws s3 cp`, `mv` and `sync` of the awkward keys"""
    client = of_alice(AwsCli, world, tmp_path)
    client.aws(2, "cp", f"s3://{world.S}/a?versionId=x", f"s3://{world.D}/a?versionId=x")
    has(world, world.D, {"a?versionId=x": filled["a?versionId=x"]})
    client.aws(3, "sync", f"s3://{world.S}", f"s3://{world.D}")
    has(world, world.D, filled)
    client.aws(1, "mv", "--recursive", f"s3://{world.D}/", f"s3://{world.D}/moved/")
    has(world, world.D, {f"moved/{key}": data for key, data in filled.items()})


def test_110_boto3(world, filled):
    """`copy()` and `copy_object()` of the awkward keys"""
    s3 = world.s3()
    for key in KEYS:
        s3.copy({"Bucket": world.S, "Key": key}, world.D, key)
    has(world, world.D, filled)
    for key in KEYS:
        s3.copy_object(
            Bucket=world.D, Key=key, CopySource={"Bucket": world.D, "Key": key},
            MetadataDirective="REPLACE", Metadata={"touched": "yes"},
        )
        assert s3.head_object(Bucket=world.D, Key=key)["Metadata"] == {"touched": "yes"}
    has(world, world.D, filled)


def test_110_s3cmd(world, filled, tmp_path):
    """`s3cmd cp`, `mv` and `modify` of the awkward keys"""
    client = of_alice(S3cmd, world, tmp_path)
    keys = ["--access_key=AKIAALICE", "--secret_key=alices-secret"]
    source, target = f"s3://{world.S}/", f"s3://{world.D}/"
    client.s3cmd(1, *keys, "cp", "--recursive", source, target)
    has(world, world.D, filled)
    client.s3cmd(
        2, *keys, "modify", "--recursive", "--add-header=x-amz-meta-touched:yes", target
    )
    for key in KEYS:
        assert world.head(world.D, key)["x-amz-meta-touched"] == "yes"
    emptied(world, world.S)
    client.s3cmd(3, *keys, "mv", "--recursive", target, source)
    has(world, world.S, filled)
    has(world, world.D, {})


def test_110_rclone(world, filled, tmp_path):
    """`rclone copyto`, `moveto`, `touch` and `sync` of the awkward keys that are paths"""
    client = of_alice(Rclone, world, tmp_path)
    key = "a?versionId=x"
    client.rclone(1, "copyto", f"triolet:{world.S}/{key}", f"triolet:{world.D}/{key}")
    client.rclone(2, "touch", f"triolet:{world.D}/{key}")
    assert "x-amz-meta-mtime" in world.head(world.D, key)
    client.rclone(3, "moveto", f"triolet:{world.D}/{key}", f"triolet:{world.D}/m/{key}")
    has(world, world.D, {f"m/{key}": filled[key]})
    emptied(world, world.D)
    for key in set(KEYS) - set(PATHS):
        world.writer.delete(world.S, key).succeeds(204)
    client.rclone(2, "sync", f"triolet:{world.S}", f"triolet:{world.D}")
    has(world, world.D, {key: filled[key] for key in PATHS})


def test_110_s3fs(world, filled, tmp_path):
    """`mv`, `chmod` and `touch` of the awkward keys that are paths, where FUSE is"""
    with S3fs(world, tmp_path, world.S, 1) as mount:
        if not mount.is_mounted:
            pytest.skip("s3fs is not installed, or nothing can be mounted")
        (mount.path / "moved").mkdir()
        for key in PATHS:
            file = mount.path / key
            file.chmod(0o600)
            file.touch()
            assert file.read_bytes() == filled[key]
            file.rename(mount.path / "moved" / key.replace("/", "_"))
    for key in PATHS:
        found = world.reader.get(world.S, f"moved/{key.replace('/', '_')}").succeeds()
        assert found.body == filled[key]
        assert found.headers["x-amz-meta-mode"] == str(0o100600)
        world.is_absent(world.S, key)


def test_110_minio_py(world, filled):
    """`copy_object` and `compose_object` of the awkward keys by minio-py"""
    client = Minio(
        world.cluster.host(2), access_key="AKIAALICE", secret_key="alices-secret", secure=False,
        region="us-east-1",
    )
    keys = [key for key in KEYS if not key.startswith("/")]
    for key in keys:
        client.copy_object(
            bucket_name=world.D, object_name=key,
            source=CopySource(bucket_name=world.S, object_name=key),
        )
    has(world, world.D, {key: filled[key] for key in keys})
    large = content(110, 6 << 20)
    world.writer.put(world.S, "large+1", large).succeeds()
    client.compose_object(
        bucket_name=world.D, object_name="composed",
        sources=[
            ComposeSource(bucket_name=world.S, object_name="large+1"),
            ComposeSource(bucket_name=world.S, object_name="a?versionId=x"),
        ],
    )
    assert world.bytes_of(world.D, "composed") == large + filled["a?versionId=x"]
