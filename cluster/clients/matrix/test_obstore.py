"""obstore, which is object_store of Rust: what Delta Lake, Polars and others use."""

from importlib.metadata import version

import pytest
from cluster import content
from store import LARGE, make_tree

obstore = pytest.importorskip("obstore")

from obstore.exceptions import AlreadyExistsError, BaseError  # noqa: E402
from obstore.store import S3Store  # noqa: E402


@pytest.mark.parametrize("store", ["http", "https"], indirect=True)
def test_obstore(store, tmp_path):
    """`put` whole and in parts, `get`, ranges, `list` with a prefix and `list_with_delimiter`, `copy`,
    `rename`, `put` that creates or replaces one version, `delete` of many"""
    store.note("obstore", version("obstore"))
    bucket = store.make_bucket("b")

    def client():
        return S3Store(
            bucket,
            endpoint=store.endpoint(),
            access_key_id=store.access_key,
            secret_access_key=store.secret_key,
            region=store.region,
            virtual_hosted_style_request=False,
            client_options={"allow_http": True, "allow_invalid_certificates": True},
        )

    tree = make_tree(tmp_path / "tree")
    for key, data in tree.items():
        obstore.put(client(), key, data, use_multipart=key == "large.bin")
    assert store.contents(bucket) == tree
    assert store.parts(bucket, "large.bin") > 1
    for key, data in tree.items():
        assert bytes(obstore.get(client(), key).bytes()) == data
    ranges = obstore.get_ranges(client(), "large.bin", starts=[0, LARGE - 9], ends=[9, LARGE])
    assert [bytes(found) for found in ranges] == [tree["large.bin"][:9], tree["large.bin"][-9:]]

    listed = [entry["path"] for page in obstore.list(client(), "data/2026") for entry in page]
    assert sorted(listed) == ["data/2026/01.csv", "data/2026/02.csv"]
    found = obstore.list_with_delimiter(client(), "data")
    assert list(found["common_prefixes"]) == ["data/2026", "data/2027"]

    for key in ("large.bin", "ümläut/日本語.bin"):
        obstore.copy(client(), key, f"copied/{key}")
        obstore.rename(client(), f"copied/{key}", f"moved/{key}")
    expected = {key: tree[key] for key in ("large.bin", "ümläut/日本語.bin")}
    assert store.contents(bucket, "moved/") == expected
    assert store.listed(bucket, "copied/") == []

    first = obstore.put(client(), "once", b"1", mode="create", use_multipart=False)
    with pytest.raises(AlreadyExistsError):
        obstore.put(client(), "once", b"2", mode="create", use_multipart=False)
    obstore.put(client(), "once", b"2", mode={"e_tag": first["e_tag"]}, use_multipart=False)
    with pytest.raises(BaseError):
        obstore.put(client(), "once", b"3", mode={"e_tag": first["e_tag"]}, use_multipart=False)
    assert store.contents(bucket, "once") == {"": b"2"}

    with obstore.open_writer(client(), "written", buffer_size=5 << 20) as writer:
        for number in range(3):
            writer.write(content(number, 4 << 20))
    assert store.contents(bucket, "written")[""] == b"".join(content(n, 4 << 20) for n in range(3))
    obstore.delete(client(), [entry["Key"] for entry in store.listed(bucket)])
    assert store.listed(bucket) == []
