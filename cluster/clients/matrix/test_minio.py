"""minio-py."""

from importlib.metadata import version

import pytest
import urllib3
from minio import Minio
from minio.commonconfig import ComposeSource, CopySource, Tags
from minio.deleteobjects import DeleteObject
from store import make_tree


@pytest.mark.parametrize("store", ["http", "https"], indirect=True)
def test_minio_py(store, tmp_path):
    """`fput_object` whole and in parts, `fget_object`, ranges, `copy_object`, `compose_object`,
    `list_objects` with a prefix, tags, presigned URLs, `remove_objects`"""
    store.note("minio-py", version("minio"))
    tree = make_tree(tmp_path / "tree")
    bucket = store.bucket("b")

    def client():
        own = {"cert_reqs": "CERT_REQUIRED", "ca_certs": str(store.authority)}
        return Minio(
            store.host(), access_key=store.access_key, secret_key=store.secret_key,
            secure=store.scheme == "https",
            http_client=urllib3.PoolManager(**own) if store.authority else None,
        )

    client().make_bucket(bucket_name=bucket)
    for key in tree:
        client().fput_object(
            bucket_name=bucket, object_name=key, file_path=str(tmp_path / "tree" / key),
            part_size=5 << 20,
        )
    assert store.contents(bucket) == tree
    assert store.parts(bucket, "large.bin") == 3
    for key in tree:
        client().fget_object(bucket_name=bucket, object_name=key, file_path=str(tmp_path / "f"))
        assert (tmp_path / "f").read_bytes() == tree[key]
    part = client().get_object(bucket_name=bucket, object_name="large.bin", offset=7, length=9)
    assert part.read() == tree["large.bin"][7:16]

    for key in tree:
        source = CopySource(bucket_name=bucket, object_name=key)
        client().copy_object(bucket_name=bucket, object_name=f"copied/{key}", source=source)
    assert store.contents(bucket, "copied/") == tree
    names = ["large.bin", "plain.txt"]
    client().compose_object(
        bucket_name=bucket, object_name="composed",
        sources=[ComposeSource(bucket_name=bucket, object_name=name) for name in names],
    )
    assert store.contents(bucket, "composed")[""] == b"".join(tree[name] for name in names)
    listed = client().list_objects(bucket_name=bucket, prefix="data/2026/")
    assert [entry.object_name for entry in listed] == ["data/2026/01.csv", "data/2026/02.csv"]

    tags = Tags.new_object_tags()
    tags["colour"] = "grün"
    client().set_object_tags(bucket_name=bucket, object_name="plain.txt", tags=tags)
    assert client().get_object_tags(bucket_name=bucket, object_name="plain.txt") == tags
    url = client().presigned_get_object(bucket_name=bucket, object_name="ümläut/日本語.bin")
    own = {"ca_certs": str(store.authority)} if store.authority else {}
    assert urllib3.PoolManager(**own).request("GET", url).data == tree["ümläut/日本語.bin"]

    everything = [DeleteObject(entry["Key"]) for entry in store.listed(bucket)]
    assert list(client().remove_objects(bucket_name=bucket, delete_object_list=everything)) == []
    assert store.listed(bucket) == []
    client().remove_bucket(bucket_name=bucket)
