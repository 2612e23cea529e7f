"""aws-cli and boto3, over HTTP and over TLS: they send other requests over each."""

import urllib.request
from importlib.metadata import version

import boto3
import pytest
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError
from cluster import content
from store import LARGE, MEBIBYTE, Program, make_tree, read_tree

both = pytest.mark.parametrize("store", ["http", "https"], indirect=True)
IN_PARTS = TransferConfig(multipart_threshold=5 * MEBIBYTE, multipart_chunksize=5 * MEBIBYTE)


@both
def test_aws_cli(store, program, tmp_path):
    """`mb`, `sync` up, from bucket to bucket, with `--delete` and down, `cp` and `mv` in parts, `ls`
    with a prefix, `rm --recursive`, `s3api put-object --if-none-match`, `rb`"""
    store.note("aws-cli", version("awscli"))
    aws = Program(store, tmp_path / "home", program("aws"))
    tree = make_tree(tmp_path / "tree")
    one, two = store.bucket("one"), store.bucket("two")
    for bucket in (one, two):
        aws("s3", "mb", f"s3://{bucket}")
    aws("s3", "sync", tmp_path / "tree", f"s3://{one}/t/")
    assert store.contents(one, "t/") == tree
    assert store.parts(one, "t/large.bin") > 1

    aws("s3", "sync", f"s3://{one}/t/", f"s3://{two}")
    assert store.contents(two) == tree
    aws("s3", "mv", f"s3://{two}/large.bin", f"s3://{two}/moved/large.bin")
    aws("s3", "cp", f"s3://{two}/ümläut/日本語.bin", f"s3://{two}/moved/ü")
    expected = {"large.bin": tree["large.bin"], "ü": tree["ümläut/日本語.bin"]}
    assert store.contents(two, "moved/") == expected
    lines = aws("s3", "ls", "--recursive", f"s3://{one}/t/data/2026").splitlines()
    assert [line.split()[-1] for line in lines] == ["t/data/2026/01.csv", "t/data/2026/02.csv"]
    assert "PRE data/" in aws("s3", "ls", f"s3://{one}/t/")

    (tmp_path / "tree/plain.txt").unlink()
    aws("s3", "sync", "--delete", tmp_path / "tree", f"s3://{one}/t")
    del tree["plain.txt"]
    assert store.contents(one, "t/") == tree
    aws("s3", "sync", f"s3://{one}/t", tmp_path / "back")
    assert read_tree(tmp_path / "back") == tree

    put = ["s3api", "put-object", "--bucket", one, "--key", "once", "--if-none-match", "*"]
    aws(*put, "--body", tmp_path / "tree/data/2026/01.csv")
    assert "PreconditionFailed" in aws(*put, "--body", tmp_path / "tree/empty", fails=True)
    assert store.contents(one, "once") == {"": tree["data/2026/01.csv"]}
    for bucket in (one, two):
        aws("s3", "rm", "--recursive", f"s3://{bucket}")
        assert store.listed(bucket) == []
        aws("s3", "rb", f"s3://{bucket}")


@both
def test_boto3(store, tmp_path):
    """Files and copies in parts by its transfer manager, lists page by page with prefix and delimiter,
    `IfNoneMatch` and `IfMatch`, presigned URLs, `delete_objects`"""
    store.note("boto3", boto3.__version__)
    bucket = store.make_bucket("b")
    tree = make_tree(tmp_path / "tree")
    for key in tree:
        store.s3().upload_file(str(tmp_path / "tree" / key), bucket, key, Config=IN_PARTS)
    assert store.contents(bucket) == tree
    assert store.parts(bucket, "large.bin") == 3
    for key in tree:
        source = {"Bucket": bucket, "Key": key}
        store.s3().copy(source, bucket, f"copied/{key}", Config=IN_PARTS)
    assert store.contents(bucket, "copied/") == tree
    store.s3().download_file(bucket, "large.bin", str(tmp_path / "back"), Config=IN_PARTS)
    assert (tmp_path / "back").read_bytes() == tree["large.bin"]

    pages = list(store.s3().get_paginator("list_objects_v2").paginate(
        Bucket=bucket, Prefix="data/", Delimiter="/", PaginationConfig={"PageSize": 1}
    ))
    prefixes = [entry["Prefix"] for page in pages for entry in page.get("CommonPrefixes", [])]
    assert prefixes == ["data/2026/", "data/2027/"] and len(pages) == 2

    first = store.s3().put_object(Bucket=bucket, Key="once", Body=b"1", IfNoneMatch="*")
    with pytest.raises(ClientError, match="PreconditionFailed"):
        store.s3().put_object(Bucket=bucket, Key="once", Body=b"2", IfNoneMatch="*")
    store.s3().put_object(Bucket=bucket, Key="once", Body=b"2", IfMatch=first["ETag"])
    with pytest.raises(ClientError, match="PreconditionFailed"):
        store.s3().put_object(Bucket=bucket, Key="once", Body=b"3", IfMatch=first["ETag"])
    assert store.contents(bucket, "once") == {"": b"2"}

    if store.scheme == "http":
        names = {"Bucket": bucket, "Key": "ümläut/signed"}
        data = content(7, 4_000)
        signing = store.s3(signature_version="s3v4")
        address = signing.generate_presigned_url("put_object", names)
        request = urllib.request.Request(address, data=data, method="PUT")
        urllib.request.urlopen(request, timeout=30).close()
        address = signing.generate_presigned_url("get_object", names)
        with urllib.request.urlopen(address, timeout=30) as answer:
            assert answer.read() == data
    objects = [{"Key": entry["Key"]} for entry in store.listed(bucket)]
    answer = store.s3().delete_objects(Bucket=bucket, Delete={"Objects": objects})
    assert len(answer["Deleted"]) == len(objects) and "Errors" not in answer
    assert store.listed(bucket) == []
    assert len(tree["large.bin"]) == LARGE
