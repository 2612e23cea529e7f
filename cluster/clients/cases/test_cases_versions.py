"""Cases 72 to 81: versions, and sources of all sizes."""

import hashlib

import pytest
from cluster import content
from world import CONTENT, MD5

MARKER = "The source of a copy request may not specifically refer to a delete marker by version id."
TOO_LARGE = (
    "The specified copy source is larger than the maximum allowable size for a copy source: "
    "5368709120"
)
UNKNOWN_VERSION = "0" * 31 + "1"
MIB = 1 << 20
GIB = 1 << 30
CHUNKED = content(72, 60_000)


def versions(world, bucket):
    """The ids of all versions in the bucket, newest first of each key."""
    return world.reader.get(bucket, query="versions").succeeds().texts("VersionId")


def versioned(world):
    """S keeps versions; S/o has one of 60,000 bytes and a newer one. Returns their ids."""
    world.keep_versions(world.S)
    first = world.put_o_as(CHUNKED)
    return first, world.writer.put(world.S, "o", b"newer").succeeds().headers["x-amz-version-id"]


@pytest.fixture
def world(world):
    def put_o_as(body):
        answer = world.writer.put(world.S, "o", body, x_amz_meta_k1="v1").succeeds()
        return answer.headers["x-amz-version-id"]

    world.put_o_as = put_o_as
    return world


def test_072_copy_makes_a_version(world):
    """Where versions are kept a copy makes one, and leaves the old ones alone"""
    world.keep_versions(world.D)
    old = world.writer.put(world.D, "c", b"old").succeeds().headers["x-amz-version-id"]
    new = world.copy().copied().headers["x-amz-version-id"]
    assert versions(world, world.D) == [new, old]
    assert world.bytes_of(world.D, "c") == CONTENT
    assert world.bytes_of(world.D, "c", f"versionId={old}") == b"old"


def test_073_version_of_the_source(world):
    """A version is copied by its id, percent-encoded or not"""
    first, _ = versioned(world)
    encoded = "".join(f"%{ord(letter):02X}" for letter in first)
    for version in (first, encoded):
        answer = world.copy(source=f"{world.o}?versionId={version}").copied()
        assert answer.headers["x-amz-copy-source-version-id"] == first
        assert "x-amz-version-id" not in answer.headers
        assert world.bytes_of(world.D, "c") == CHUNKED
        world.writer.delete(world.D, "c").succeeds(204)


def test_074_versions_that_cannot_be_copied(world):
    """A delete marker, an unknown version and what is no version are no sources"""
    versioned(world)
    marker = world.writer.delete(world.S, "o").succeeds(204).headers["x-amz-version-id"]
    world.copy().fails(404, "NoSuchKey", Key="o")
    world.copy(source=f"{world.o}?versionId={marker}").fails(400, "InvalidRequest", MARKER)
    world.copy(source=f"{world.o}?versionId={UNKNOWN_VERSION}").fails(404, "NoSuchVersion")
    world.copy(source=f"{world.o}?versionId=x").fails(
        400, "InvalidArgument", "Invalid version id specified", ArgumentName="versionId"
    )
    world.is_untouched()


def test_075_old_version_is_brought_back(world):
    """An old version is copied onto its key without a directive, with its metadata"""
    first, second = versioned(world)
    new = world.copier.copy(f"{world.o}?versionId={first}", world.S, "o").copied()
    assert new.headers["x-amz-version-id"] not in (first, second)
    found = world.reader.get(world.S, "o").succeeds()
    assert (found.body, found.headers["x-amz-meta-k1"]) == (CHUNKED, "v1")


@pytest.mark.parametrize("deleted", ["old", "new"])
def test_076_versions_that_share_content_part(world, deleted):
    """Of two versions that share their content either stays when the other is deleted"""
    world.keep_versions(world.S)
    old = world.put_o_as(CHUNKED)
    new = world.copy_onto_itself(x_amz_metadata_directive="REPLACE").copied().headers[
        "x-amz-version-id"
    ]
    assert new != old
    gone, kept = (old, new) if deleted == "old" else (new, old)
    world.writer.delete(world.S, "o", f"versionId={gone}").succeeds(204)
    world.settled()
    assert world.bytes_of(world.S, "o", f"versionId={kept}") == CHUNKED
    assert world.bytes_of(world.S, "o") == CHUNKED


def test_077_suspended_versions(world):
    """Where versions are suspended a copy writes the version `null`, also onto itself"""
    world.keep_versions(world.S, "Suspended")
    world.keep_versions(world.D, "Suspended")
    world.writer.put(world.S, "o", CHUNKED).succeeds()
    for _ in range(2):
        answer = world.copy().copied()
        assert answer.headers["x-amz-version-id"] == "null"
        assert "x-amz-copy-source-version-id" not in answer.headers
    for _ in range(3):
        answer = world.copy_onto_itself(x_amz_metadata_directive="REPLACE").copied()
        assert answer.headers["x-amz-version-id"] == "null"
    assert versions(world, world.S) == versions(world, world.D) == ["null"]
    world.settled()
    assert world.bytes_of(world.S, "o") == world.bytes_of(world.D, "c") == CHUNKED


def test_078_null_version_copied_onto_itself_once_versions_are_kept(world):
    """The null version of an object stays beside the version that a copy onto itself makes"""
    world.writer.put(world.S, "o", CHUNKED).succeeds()
    world.keep_versions(world.S)
    new = world.copy_onto_itself(x_amz_metadata_directive="REPLACE").copied()
    world.settled()
    assert versions(world, world.S) == [new.headers["x-amz-version-id"], "null"]
    for version in versions(world, world.S):
        assert world.bytes_of(world.S, "o", f"versionId={version}") == CHUNKED


def test_079_source_made_of_parts(world):
    """A source made of parts keeps its ETag; the copy has one part"""
    parts = {1: content(79, 5 * MIB), 2: b"the rest"}
    upload = world.writer.create_upload(world.S, "m")
    etags = {
        number: world.writer.part(world.S, "m", upload, number, data).etag
        for number, data in parts.items()
    }
    etag = world.writer.complete(world.S, "m", upload, etags).succeeds().text("ETag")
    digests = b"".join(hashlib.md5(data).digest() for data in parts.values())
    assert etag == f'"{hashlib.md5(digests).hexdigest()}-2"'
    assert world.copy(source=f"{world.S}/m").copied().text("ETag") == etag
    assert world.bytes_of(world.D, "c") == parts[1] + parts[2]
    head = world.reader.head(world.D, "c", "partNumber=2")
    assert head.status == 416
    world.reader.get(world.D, "c", "partNumber=2").fails(416, "InvalidPartNumber")
    assert "x-amz-mp-parts-count" not in world.head(world.D, "c", "partNumber=1")


def grown(world, key, source, times, tail=b""):
    """S/key made of `times` copies of S/source and a tail."""
    upload = world.writer.create_upload(world.S, key)
    etags = {
        number: world.copier.copy_part(f"{world.S}/{source}", world.S, key, upload, number)
        .copied("CopyPartResult").text("ETag")
        for number in range(1, times + 1)
    }
    if tail:
        etags[times + 1] = world.writer.part(world.S, key, upload, times + 1, tail).etag
    world.writer.complete(world.S, key, upload, etags).succeeds()


def test_080_source_of_five_gib_at_most(world):
    """A source of 5 GiB is copied, one of a byte more is not"""
    piece = content(80, 32 * MIB)
    world.writer.put(world.S, "piece", piece).succeeds()
    grown(world, "gib", "piece", 32)
    grown(world, "five", "gib", 5)
    grown(world, "more", "gib", 5, b"!")
    assert world.head(world.S, "five")["content-length"] == "5368709120"
    assert world.head(world.S, "more")["content-length"] == "5368709121"
    answer = world.copy(source=f"{world.S}/five").copied()
    assert answer.headers["x-triolet-copy-bytes-moved"] == "0"
    assert world.head(world.D, "c")["content-length"] == "5368709120"
    for offset in (0, 3 * GIB - 5, 5 * GIB - 10):
        span = world.reader.get(world.D, "c", Range=f"bytes={offset}-{offset + 9}")
        start = offset % len(piece)
        assert span.succeeds(206).body == (piece + piece)[start : start + 10]
    world.copy("d", f"{world.S}/more").fails(400, "InvalidRequest", TOO_LARGE)
    world.is_untouched("d")


def test_081_content_that_can_be_compressed_and_that_cannot(world):
    """Copies, by reference and independent, have ETag and bytes of their source, however stored"""
    for name, data in (("text", b"line\n" * 400_000), ("noise", content(81, 4 * MIB)[: 2 * MIB])):
        etag = world.writer.put(world.S, name, data).succeeds().etag
        assert etag == f'"{hashlib.md5(data).hexdigest()}"'
        for storage_class in ("STANDARD", "REDUCED_REDUNDANCY"):
            answer = world.copy(name, f"{world.S}/{name}", x_amz_storage_class=storage_class)
            assert answer.copied().text("ETag") == etag
            assert world.bytes_of(world.D, name) == data
    assert world.copy().copied().text("ETag") == MD5
