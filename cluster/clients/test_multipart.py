"""Multipart uploads and part copies, as clients make them with their own defaults."""

import base64
import hashlib
import os
import zlib
from concurrent.futures import ThreadPoolExecutor

import pytest
from botocore.exceptions import ClientError
from boto3.s3.transfer import TransferConfig
from cluster import content, digest
from drivers import DRIVERS
from test_copy import Spent, moved

MEBIBYTE = 1 << 20
SIZE = 40 * MEBIBYTE + 12_345

# What each client cuts an object of SIZE bytes into.
PART_SIZE = {
    "aws": 8 * MEBIBYTE,
    "boto3": 8 * MEBIBYTE,
    "rclone": 5 * MEBIBYTE,
    "s3cmd": 15 * MEBIBYTE,
}


def pieces(data, size):
    return [data[start : start + size] for start in range(0, len(data), size)]


def multipart_etag(parts):
    md5s = b"".join(hashlib.md5(part).digest() for part in parts)
    return f'"{hashlib.md5(md5s).hexdigest()}-{len(parts)}"'


def crc32(data):
    return base64.b64encode(zlib.crc32(data).to_bytes(4, "big")).decode()


def body_of(s3, bucket, key, **options):
    return s3.get_object(Bucket=bucket, Key=key, **options)["Body"].read()


def error_code(call, **options):
    with pytest.raises(ClientError) as caught:
        call(**options)
    return caught.value.response["Error"]["Code"]


def assert_no_uploads(cluster, bucket):
    for node in range(1, cluster.nodes + 1):
        assert "Uploads" not in cluster.s3(node).list_multipart_uploads(Bucket=bucket)


def bucket_of(cluster, name):
    cluster.s3(1).create_bucket(Bucket=name)
    return name


# Clients with their defaults


def put_in_parts(client, node, file, bucket, key):
    if isinstance(client, DRIVERS["boto3"]):
        with open(file, "rb") as body:
            client.cluster.s3(node).upload_fileobj(
                body, bucket, key, Config=TransferConfig(max_concurrency=8)
            )
    elif isinstance(client, DRIVERS["rclone"]):
        # rclone alone uploads files of up to 200 MiB at once.
        client.rclone(
            node, "--s3-upload-cutoff=5Mi", "--s3-chunk-size=5Mi", "copyto", str(file),
            f"triolet:{bucket}/{key}",
        )
    else:
        client.put(node, file, bucket, key)


@pytest.mark.parametrize("name", sorted(DRIVERS))
def test_large_file_through_each_client(cluster, tmp_path, name):
    client = DRIVERS[name](cluster, tmp_path / "home")
    bucket = bucket_of(cluster, f"multipart-{name}")
    data = content(11, SIZE)
    file = tmp_path / "up"
    file.write_bytes(data)
    put_in_parts(client, 1, file, bucket, "large")
    expected = multipart_etag(pieces(data, PART_SIZE[name]))
    for node in (1, 2, 3):
        head = cluster.s3(node).head_object(Bucket=bucket, Key="large")
        assert head["ETag"] == expected
        assert head["ContentLength"] == SIZE
    client.copy(2, bucket, "large", "copied")
    client.move(3, bucket, "copied", "moved")
    for key in ("large", "moved"):
        back = tmp_path / "back"
        client.get(1, bucket, key, back)
        assert back.read_bytes() == data, f"{name}: {key} came back with other bytes"
        back.unlink()
    assert sorted(client.keys(2, bucket)) == ["large", "moved"]
    assert_no_uploads(cluster, bucket)
    for key in ("large", "moved"):
        client.delete(3, bucket, key)


# Operations one by one


def test_parts_through_different_nodes_in_any_order(cluster):
    bucket = bucket_of(cluster, "multipart-parts")
    nodes = {node: cluster.s3(node) for node in (1, 2, 3)}
    data = content(12, 3 * 5 * MEBIBYTE + 77)
    parts = pieces(data, 5 * MEBIBYTE)
    upload = nodes[1].create_multipart_upload(
        Bucket=bucket, Key="object", Metadata={"own": "yes"}, ContentType="text/plain"
    )["UploadId"]
    name = {"Bucket": bucket, "Key": "object", "UploadId": upload}
    # What is uploaded again takes the place of what was there.
    nodes[2].upload_part(**name, PartNumber=40, Body=b"to be replaced")
    tags = {}
    for index, number in [(3, 40), (1, 20), (0, 10), (2, 30)]:
        part = nodes[1 + number // 10 % 3].upload_part(
            **name, PartNumber=number, Body=parts[index]
        )
        assert part["ETag"] == f'"{hashlib.md5(parts[index]).hexdigest()}"'
        tags[number] = part
    listed = nodes[3].list_parts(**name, MaxParts=3)
    assert [part["PartNumber"] for part in listed["Parts"]] == [10, 20, 30]
    assert listed["IsTruncated"] and listed["NextPartNumberMarker"] == 30
    listed = nodes[3].list_parts(**name, PartNumberMarker=30)
    assert [(part["PartNumber"], part["Size"]) for part in listed["Parts"]] == [(40, 77)]
    found = nodes[2].list_multipart_uploads(Bucket=bucket)["Uploads"]
    assert [(entry["Key"], entry["UploadId"]) for entry in found] == [("object", upload)]
    assert error_code(nodes[1].head_object, Bucket=bucket, Key="object") == "404"

    def entry(number):
        part = {"PartNumber": number, "ETag": tags[number]["ETag"]}
        if "ChecksumCRC32" in tags[number]:
            part["ChecksumCRC32"] = tags[number]["ChecksumCRC32"]
        return part

    def complete(node, numbers, **options):
        return nodes[node].complete_multipart_upload(
            **name, MultipartUpload={"Parts": [entry(number) for number in numbers]}, **options
        )

    assert error_code(complete, node=1, numbers=[20, 10]) == "InvalidPartOrder"
    assert error_code(complete, node=1, numbers=[40, 10]) == "InvalidPartOrder"
    tags[50] = tags[40]
    assert error_code(complete, node=1, numbers=[10, 50]) == "InvalidPart"
    assert error_code(complete, node=1, numbers=[10], MpuObjectSize=1) == "InvalidRequest"
    for node in (3, 1):
        done = complete(node, [10, 20, 30, 40], MpuObjectSize=len(data))
        assert done["ETag"] == multipart_etag(parts)
    for node in nodes.values():
        answer = node.get_object(Bucket=bucket, Key="object")
        assert answer["Metadata"] == {"own": "yes"} and answer["ContentType"] == "text/plain"
        assert digest(answer["Body"].read()) == digest(data)
    second = nodes[3].get_object(Bucket=bucket, Key="object", PartNumber=2)
    assert second["PartsCount"] == 4 and second["Body"].read() == parts[1]
    assert error_code(nodes[3].head_object, Bucket=bucket, Key="object", PartNumber=5) == "416"
    edge = f"bytes={5 * MEBIBYTE - 3}-{5 * MEBIBYTE + 2}"
    assert body_of(nodes[2], bucket, "object", Range=edge) == data[5 * MEBIBYTE - 3 :][:6]
    assert error_code(nodes[2].list_parts, **name) == "NoSuchUpload"
    assert_no_uploads(cluster, bucket)


def test_small_parts_are_refused_and_an_abort_forgets_everything(cluster):
    bucket = bucket_of(cluster, "multipart-abort")
    s3 = cluster.s3(2)
    upload = s3.create_multipart_upload(Bucket=bucket, Key="a/b")["UploadId"]
    name = {"Bucket": bucket, "Key": "a/b", "UploadId": upload}
    parts = []
    for number in (1, 2):
        part = s3.upload_part(**name, PartNumber=number, Body=b"small")
        parts.append(
            {"PartNumber": number, "ETag": part["ETag"], "ChecksumCRC32": part["ChecksumCRC32"]}
        )
    complete = {"MultipartUpload": {"Parts": parts}}
    assert error_code(s3.complete_multipart_upload, **name, **complete) == "EntityTooSmall"
    grouped = s3.list_multipart_uploads(Bucket=bucket, Delimiter="/")
    assert [entry["Prefix"] for entry in grouped["CommonPrefixes"]] == ["a/"]
    cluster.s3(3).abort_multipart_upload(**name)
    for call, options in [
        (s3.abort_multipart_upload, {}), (s3.list_parts, {}),
        (s3.upload_part, {"PartNumber": 3, "Body": b"x"}),
        (s3.complete_multipart_upload, complete),
    ]:
        assert error_code(call, **name, **options) == "NoSuchUpload"
    assert_no_uploads(cluster, bucket)
    # An upload that nobody looks after does not keep the bucket.
    cluster.s3(1).create_multipart_upload(Bucket=bucket, Key="forgotten")
    s3.delete_bucket(Bucket=bucket)
    assert error_code(cluster.s3(3).list_multipart_uploads, Bucket=bucket) == "NoSuchBucket"


def test_checksums_of_parts_make_those_of_the_object(cluster):
    bucket = bucket_of(cluster, "multipart-checksums")
    s3 = cluster.s3(1)
    data = content(13, 6 * MEBIBYTE)
    parts = pieces(data, 5 * MEBIBYTE)
    for kind in ("COMPOSITE", "FULL_OBJECT"):
        upload = s3.create_multipart_upload(
            Bucket=bucket, Key=kind, ChecksumAlgorithm="CRC32", ChecksumType=kind
        )["UploadId"]
        name = {"Bucket": bucket, "Key": kind, "UploadId": upload}
        entries = []
        for number, part in enumerate(parts, start=1):
            answer = s3.upload_part(
                **name, PartNumber=number, Body=part, ChecksumAlgorithm="CRC32"
            )
            assert answer["ChecksumCRC32"] == crc32(part)
            entries.append(
                {"PartNumber": number, "ETag": answer["ETag"], "ChecksumCRC32": crc32(part)}
            )
        options = {"MultipartUpload": {"Parts": entries}, "ChecksumType": kind}
        if kind == "FULL_OBJECT":
            assert (
                error_code(
                    s3.complete_multipart_upload, **name, **options, ChecksumCRC32="AAAAAA=="
                )
                == "BadDigest"
            )
            options["ChecksumCRC32"] = crc32(data)
        done = s3.complete_multipart_upload(**name, **options)
        digests = b"".join(zlib.crc32(part).to_bytes(4, "big") for part in parts)
        expected = crc32(data) if kind == "FULL_OBJECT" else f"{crc32(digests)}-{len(parts)}"
        assert done["ChecksumCRC32"] == expected and done["ChecksumType"] == kind
        head = cluster.s3(2).head_object(Bucket=bucket, Key=kind, ChecksumMode="ENABLED")
        assert head["ChecksumCRC32"] == expected and head["ChecksumType"] == kind


# Part copies


@pytest.mark.parametrize("checksums", [{}, {"ChecksumAlgorithm": "CRC32"}])
def test_part_copies_of_any_range_outlive_their_source(cluster, checksums):
    bucket = bucket_of(cluster, f"multipart-copies-{len(checksums)}")
    s3 = cluster.s3(2)
    data = content(14, 30 * MEBIBYTE)
    s3.put_object(Bucket=bucket, Key="source", Body=data)
    ranges = [
        (0, 8 * MEBIBYTE),  # whole chunks
        (8 * MEBIBYTE, 13 * MEBIBYTE + 102_400),  # an end within a chunk
        (13 * MEBIBYTE + 102_400, 19 * MEBIBYTE + 1),  # both ends within chunks
        (4 * MEBIBYTE, 16 * MEBIBYTE),  # chunks that other parts have, too
    ]
    sent = content(15, 5 * MEBIBYTE)
    upload = s3.create_multipart_upload(Bucket=bucket, Key="target", **checksums)["UploadId"]
    name = {"Bucket": bucket, "Key": "target", "UploadId": upload}
    entries = []

    def entry(number, result):
        given = {key: result[key] for key in ("ETag", "ChecksumCRC32") if key in result}
        entries.append({"PartNumber": number} | given)

    for number, (start, end) in enumerate(ranges, start=1):
        result = cluster.s3(1 + number % 3).upload_part_copy(
            **name,
            PartNumber=number,
            CopySource={"Bucket": bucket, "Key": "source"},
            CopySourceRange=f"bytes={start}-{end - 1}",
        )["CopyPartResult"]
        if checksums:
            assert result["ChecksumCRC32"] == crc32(data[start:end])
            assert result["ETag"] == f'"{hashlib.md5(data[start:end]).hexdigest()}"'
        entry(number, result)
    for number, body in ((5, sent), (6, b"end")):
        entry(number, s3.upload_part(**name, PartNumber=number, Body=body))
    s3.delete_object(Bucket=bucket, Key="source")
    s3.complete_multipart_upload(**name, MultipartUpload={"Parts": entries})
    expected = b"".join(data[start:end] for start, end in ranges) + sent + b"end"
    for node in (1, 2, 3):
        assert digest(body_of(cluster.s3(node), bucket, "target")) == digest(expected)


def test_ranges_of_a_tiny_source_have_the_md5_of_their_bytes(cluster):
    bucket = bucket_of(cluster, "multipart-tiny")
    s3 = cluster.s3(3)
    s3.put_object(Bucket=bucket, Key="digits", Body=b"0123456789")
    upload = s3.create_multipart_upload(Bucket=bucket, Key="target")["UploadId"]
    copy = {
        "Bucket": bucket, "Key": "target", "UploadId": upload,
        "CopySource": {"Bucket": bucket, "Key": "digits"},
    }
    for number, (first, last) in enumerate([(0, 8), (1, 1), (0, 0)], start=1):
        result = s3.upload_part_copy(
            **copy, PartNumber=number, CopySourceRange=f"bytes={first}-{last}"
        )["CopyPartResult"]
        expected = hashlib.md5(b"0123456789"[first : last + 1]).hexdigest()
        assert result["ETag"] == f'"{expected}"'
    for bad, code in [
        ("bytes=0-100", "InvalidArgument"), ("bytes=100-200", "InvalidRequest"),
        ("bytes=1-", "InvalidArgument"),
    ]:
        assert (
            error_code(s3.upload_part_copy, **copy, PartNumber=9, CopySourceRange=bad) == code
        )
    s3.abort_multipart_upload(Bucket=bucket, Key="target", UploadId=upload)


def test_aligned_part_copies_move_nothing_if_nobody_asks_for_checksums(cluster):
    bucket = bucket_of(cluster, "multipart-aligned")
    s3 = cluster.s3(1, request_checksum_calculation="when_required")
    data = content(16, 16 * MEBIBYTE)
    s3.put_object(Bucket=bucket, Key="source", Body=data)
    upload = s3.create_multipart_upload(Bucket=bucket, Key="target")["UploadId"]
    name = {"Bucket": bucket, "Key": "target", "UploadId": upload}
    entries = []
    with Spent(cluster) as spent:
        for number in (1, 2):
            start = (number - 1) * 8 * MEBIBYTE
            result = s3.upload_part_copy(
                **name,
                PartNumber=number,
                CopySource={"Bucket": bucket, "Key": "source"},
                CopySourceRange=f"bytes={start}-{start + 8 * MEBIBYTE - 1}",
            )["CopyPartResult"]
            entries.append({"PartNumber": number, "ETag": result["ETag"]})
        s3.complete_multipart_upload(**name, MultipartUpload={"Parts": entries})
    assert set(moved(spent).values()) == {0}, moved(spent)
    assert digest(body_of(s3, bucket, "target")) == digest(data)


def copy_in_ranges(s3, bucket, source, target, size):
    """As clients copy what is larger than one request may copy: 5 GiB."""
    upload = s3.create_multipart_upload(Bucket=bucket, Key=target)["UploadId"]
    name = {"Bucket": bucket, "Key": target, "UploadId": upload}
    entries = []
    for number, first in enumerate(range(0, size, 5 << 30), 1):
        last = min(first + (5 << 30), size) - 1
        result = s3.upload_part_copy(
            **name, PartNumber=number, CopySource={"Bucket": bucket, "Key": source},
            CopySourceRange=f"bytes={first}-{last}",
        )["CopyPartResult"]
        entries.append({"PartNumber": number, "ETag": result["ETag"]})
    s3.complete_multipart_upload(**name, MultipartUpload={"Parts": entries})


@pytest.mark.skipif("TEST_MANY_PARTS" not in os.environ, reason="takes minutes; by hand")
def test_ten_thousand_parts(cluster):
    bucket = bucket_of(cluster, "multipart-many")
    s3 = cluster.s3(1, request_checksum_calculation="when_required")
    data = content(17, 5 * MEBIBYTE)
    s3.put_object(Bucket=bucket, Key="source", Body=data)
    upload = s3.create_multipart_upload(Bucket=bucket, Key="target")["UploadId"]
    name = {"Bucket": bucket, "Key": "target", "UploadId": upload}
    count = int(os.environ["TEST_MANY_PARTS"])

    def copy_part(number):
        result = s3.upload_part_copy(
            **name, PartNumber=number, CopySource={"Bucket": bucket, "Key": "source"}
        )["CopyPartResult"]
        return {"PartNumber": number, "ETag": result["ETag"]}

    with ThreadPoolExecutor(8) as threads:
        entries = list(threads.map(copy_part, range(1, count + 1)))
    pages = s3.get_paginator("list_parts").paginate(**name)
    assert [part["PartNumber"] for page in pages for part in page["Parts"]] == [
        entry["PartNumber"] for entry in entries
    ]
    with Spent(cluster) as spent:
        done = s3.complete_multipart_upload(**name, MultipartUpload={"Parts": entries})
    print(f"complete of {count} parts: {spent.seconds:.3f} s")
    assert done["ETag"].endswith(f'-{count}"')
    times = []
    for number in range(5):
        with Spent(cluster) as spent:
            copy_in_ranges(s3, bucket, "target", f"copy-{number}", count * len(data))
        times.append(spent.seconds)
    print(f"copies of {count} parts: " + ", ".join(f"{t * 1000:.1f} ms" for t in times))
    head = s3.head_object(Bucket=bucket, Key="copy-4")
    assert head["ContentLength"] == count * len(data)
    tail = body_of(s3, bucket, "copy-4", Range=f"bytes=-{len(data) + 10}")
    assert tail == data[-10:] + data
    part = s3.get_object(Bucket=bucket, Key="target", PartNumber=count)
    assert part["PartsCount"] == count and part["Body"].read() == data
