"""Cases 82 to 97: copies into parts of uploads."""

import base64
import hashlib
from concurrent.futures import ThreadPoolExecutor

import boto3.s3.transfer
from cluster import content
from world import CONTENT, MD5

MIB = 1 << 20
TEN = b"0123456789"
FORM = (
    "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last "
    "are the zero-based offsets of the first and last bytes to copy"
)
NO_UPLOAD = (
    "The specified upload does not exist. The upload ID may be invalid, or the upload may have "
    "been aborted or completed."
)
OTHER = '"00000000000000000000000000000000"'
LARGE = content(86, 30 * MIB)


def etag(data):
    return f'"{hashlib.md5(data).hexdigest()}"'


def final_etag(*parts):
    digests = b"".join(hashlib.md5(data).digest() for data in parts)
    return f'"{hashlib.md5(digests).hexdigest()}-{len(parts)}"'


class Upload:
    """An upload of D/m."""

    def __init__(self, world, **headers):
        self.world = world
        self.id = world.writer.create_upload(world.D, "m", **headers)
        self.etags = {}

    def part(self, number, data):
        self.etags[number] = self.world.writer.part(self.world.D, "m", self.id, number, data).etag

    def try_copy(self, number, source=None, key="m", client=None, **headers):
        client = client or self.world.copier
        return client.copy_part(
            source or self.world.o, self.world.D, key, self.id, number, **headers
        )

    def copy(self, number, source=None, first=None, last=None, **headers):
        if first is not None:
            headers["x_amz_copy_source_range"] = f"bytes={first}-{last}"
        answer = self.try_copy(number, source, **headers).copied("CopyPartResult")
        self.etags[number] = answer.text("ETag")
        return answer

    def complete(self):
        return self.world.writer.complete(self.world.D, "m", self.id, self.etags)

    def parts(self):
        answer = self.world.reader.get(self.world.D, "m", f"uploadId={self.id}").succeeds()
        return dict(zip(map(int, answer.texts("PartNumber")), map(int, answer.texts("Size"))))


def put(world, key, data):
    world.writer.put(world.S, key, data).succeeds()
    return f"/{world.S}/{key}"


def test_082_whole_source_as_a_part(world):
    """A whole source that was put at once is a part with its MD5"""
    upload = Upload(world)
    assert upload.copy(1).text("ETag") == MD5
    assert upload.complete().succeeds().text("ETag") == final_etag(CONTENT)
    assert world.bytes_of(world.D, "m") == CONTENT


def test_083_ranges_of_a_small_source(world):
    """Ranges of ten bytes have the MD5 of what they hold"""
    source, upload = put(world, "ten", TEN), Upload(world)
    for number, (first, last) in enumerate([(0, 8), (1, 1), (0, 0)], 1):
        answer = upload.copy(number, source, first, last)
        assert answer.text("ETag") == etag(TEN[first : last + 1])
    assert upload.etags[1] == '"22975d8a5ed1b91445f6c55ac121505b"'
    assert upload.etags[2] == '"c4ca4238a0b923820dcc509a6f75849b"'
    assert upload.etags[3] == '"cfcd208495d565ef66e7dff9f98764da"'
    assert upload.parts() == {1: 9, 2: 1, 3: 1}


def test_084_malformed_ranges(world):
    """A range that is not `bytes=first-last` is InvalidArgument and echoed"""
    source, upload = put(world, "ten", TEN), Upload(world)
    for value in (
        "0-8", "bytes=1-", "bytes=-2", "bytes=-15", "bytes=-0", "bytes=-", "bytes=-1-",
        "bytes=0--1", "bytes=1-0", "bytes=0-1,3-4,7-9", "byte=0-8", "bytes=aa-12",
        "bytes=hello-world",
    ):
        upload.try_copy(1, source, x_amz_copy_source_range=value).fails(
            400, "InvalidArgument", FORM, ArgumentName="x-amz-copy-source-range",
            ArgumentValue=value,
        )
    assert upload.parts() == {}


def test_085_ranges_beyond_the_source(world):
    """A range beyond the source is refused, never cut to fit"""
    source, upload = put(world, "ten", TEN), Upload(world)
    for value in ("bytes=0-100", "bytes=0-10", "bytes=9-10"):
        upload.try_copy(1, source, x_amz_copy_source_range=value).fails(
            400, "InvalidArgument", "Range specified is not valid for source object of size: 10"
        )
    for value in ("bytes=100-200", "bytes=10-10"):
        upload.try_copy(1, source, x_amz_copy_source_range=value).fails(
            400, "InvalidRequest",
            "The specified copy range is invalid for the source object size",
        )
    assert upload.parts() == {}


def test_086_ranges_across_chunks(world):
    """Ranges that are not aligned with anything make an object byte for byte"""
    source, upload = put(world, "large", LARGE), Upload(world)
    cuts = [0, 5 * MIB + 100 * 1024, 10 * MIB + 200 * 1024 + 1, 23 * MIB + 7, 30 * MIB]
    for number, (first, end) in enumerate(zip(cuts, cuts[1:]), 1):
        upload.copy(number, source, first, end - 1)
    upload.complete().succeeds()
    assert world.bytes_of(world.D, "m") == LARGE


def test_087_parts_in_parallel_and_out_of_order(world):
    """Parts of 8 MiB copied in parallel, out of order and with If-Match, as aws-cli does"""
    source, upload = put(world, "large", LARGE), Upload(world)
    spans = {
        number: (first, min(first + 8 * MIB, len(LARGE)) - 1)
        for number, first in enumerate(range(0, len(LARGE), 8 * MIB), 1)
    }

    def copy(number):
        upload.copy(number, source, *spans[number], x_amz_copy_source_if_match=etag(LARGE))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(copy, reversed(spans)))
    upload.complete().succeeds()
    assert world.bytes_of(world.D, "m") == LARGE
    config = boto3.s3.transfer.TransferConfig(multipart_threshold=8 * MIB)
    world.s3().copy({"Bucket": world.S, "Key": "large"}, world.D, "boto3", Config=config)
    assert world.bytes_of(world.D, "boto3") == LARGE


def test_088_condition_on_the_source_of_a_part(world):
    """A part whose condition fails is 412; the others stay"""
    upload = Upload(world)
    upload.copy(1)
    upload.try_copy(2, x_amz_copy_source_if_match=OTHER).fails(
        412, "PreconditionFailed", Condition="x-amz-copy-source-If-Match"
    )
    assert upload.parts() == {1: 11}


def test_089_upload_that_is_not_there(world):
    """Another upload id, and that of another key, are NoSuchUpload"""
    upload = Upload(world)
    upload.try_copy(1, key="other").fails(404, "NoSuchUpload", NO_UPLOAD, UploadId=upload.id)
    upload.id = upload.id[:-1] + ("0" if upload.id[-1] != "0" else "1")
    upload.try_copy(1).fails(404, "NoSuchUpload", NO_UPLOAD, UploadId=upload.id)


def test_090_part_numbers(world):
    """A part number is between 1 and 10,000"""
    upload = Upload(world)
    message = "Part number must be an integer between 1 and 10000, inclusive"
    for number in (0, -1, 10001, "x"):
        upload.try_copy(number).fails(
            400, "InvalidArgument", message, ArgumentName="partNumber"
        )
    upload.copy(10000)
    assert upload.parts() == {10000: 11}


def test_091_part_copied_twice(world):
    """A part that is copied twice is the one that came last"""
    source, upload = put(world, "ten", TEN), Upload(world)
    upload.copy(1)
    upload.copy(1, source)
    assert upload.parts() == {1: 10}
    upload.complete().succeeds()
    assert world.bytes_of(world.D, "m") == TEN


def test_092_parts_uploaded_and_copied(world):
    """Uploaded and copied parts go together; all but the last have 5 MiB"""
    data = content(92, 5 * MIB)
    source, upload = put(world, "five", data), Upload(world)
    upload.part(1, data[::-1])
    upload.copy(2, source)
    upload.copy(3)
    upload.complete().succeeds()
    assert world.bytes_of(world.D, "m") == data[::-1] + data + CONTENT
    upload = Upload(world)
    upload.copy(1)
    upload.copy(2, source)
    upload.complete().fails(
        400, "EntityTooSmall",
        "Your proposed upload is smaller than the minimum allowed size",
        ProposedSize="11", MinSizeAllowed="5242880", PartNumber="1",
    )


def test_093_source_deleted_before_the_upload_is_completed(world):
    """A part stays when its source is deleted"""
    source, upload = put(world, "large", LARGE), Upload(world)
    upload.copy(1, source)
    upload.copy(2)
    for key in ("large", "o"):
        world.writer.delete(world.S, key).succeeds(204)
    world.settled()
    upload.complete().succeeds()
    assert world.bytes_of(world.D, "m") == LARGE + CONTENT


def test_094_aborted_upload_leaves_the_source_and_nothing_else(world):
    """An aborted upload leaves its sources readable, and lets go of them"""
    before = world.settled()
    data = content(94, 12 * MIB)
    source = put(world, "a", data)
    stored = world.settled()
    upload = Upload(world)
    upload.copy(1, source)
    upload.copy(2, source, 1, 9 * MIB)
    world.writer.delete(world.D, "m", f"uploadId={upload.id}").succeeds(204)
    world.gives_back(stored)
    assert world.bytes_of(world.S, "a") == data
    world.writer.delete(world.S, "a").succeeds(204)
    world.gives_back(before)


def crc32c(data):
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
        table.append(byte)
    value = 0xFFFFFFFF
    for byte in data:
        value = value >> 8 ^ table[(value ^ byte) & 0xFF]
    return base64.b64encode((value ^ 0xFFFFFFFF).to_bytes(4)).decode()


def test_095_checksum_of_a_part(world):
    """A part of an upload with checksums has that of its range; otherwise there is none"""
    source, upload = put(world, "ten", TEN), Upload(world, x_amz_checksum_algorithm="CRC32C")
    assert crc32c(b"123456789") == "4waSgw=="
    answer = upload.copy(1, source, 2, 6)
    assert answer.text("ChecksumCRC32C") == crc32c(TEN[2:7])
    assert b"Checksum" not in Upload(world).copy(1, source, 2, 6).body


def test_096_version_as_the_source_of_a_part(world):
    """A version is the source of a part by its id; a delete marker is none"""
    world.keep_versions(world.S)
    old = world.writer.put(world.S, "v", TEN).succeeds().headers["x-amz-version-id"]
    world.writer.put(world.S, "v", b"newer").succeeds()
    marker = world.writer.delete(world.S, "v").succeeds(204).headers["x-amz-version-id"]
    upload = Upload(world)
    answer = upload.copy(1, f"{world.S}/v?versionId={old}")
    assert answer.headers["x-amz-copy-source-version-id"] == old
    assert answer.text("ETag") == etag(TEN)
    upload.try_copy(2, f"{world.S}/v?versionId={marker}").fails(400, "InvalidRequest")
    upload.try_copy(2, f"{world.S}/v").fails(404, "NoSuchKey")
    upload.complete().succeeds()
    assert world.bytes_of(world.D, "m") == TEN


def test_097_metadata_of_the_upload(world):
    """The object has the metadata of its upload, not of the sources of its parts"""
    upload = Upload(world, Content_Type="image/png", x_amz_meta_own="yes")
    upload.copy(1)
    upload.complete().succeeds()
    head = world.head(world.D, "m")
    assert (head["content-type"], head["x-amz-meta-own"]) == ("image/png", "yes")
    assert "x-amz-meta-k1" not in head and "cache-control" not in head
