"""s3fs of Python, by which pandas and Dask read and write."""

from importlib.metadata import version

import pytest
from cluster import content
from store import LARGE, make_tree, read_tree

s3fs = pytest.importorskip("s3fs")


@pytest.mark.parametrize("store", ["http", "https"], indirect=True)
def test_s3fs_of_python(store, tmp_path):
    """`put` and `get` of a tree, files written and appended to in parts, `cp` and `mv` of a tree, `find` and
    `glob`, `cat_ranges`, a file that is only created, `rm` of a tree"""
    store.note("s3fs (Python)", version("s3fs"))
    bucket = store.make_bucket("b")

    def client():
        return s3fs.S3FileSystem(
            key=store.access_key, secret=store.secret_key, endpoint_url=store.endpoint(),
            client_kwargs={"region_name": store.region, "verify": str(store.authority or True)
                           if store.authority else None},
            use_listings_cache=False, skip_instance_cache=True,
        )

    tree = make_tree(tmp_path / "tree")
    client().put(f"{tmp_path}/tree/", f"{bucket}/t/", recursive=True)
    assert store.contents(bucket, "t/") == tree
    client().cp(f"{bucket}/t/", f"{bucket}/c/", recursive=True)
    assert store.contents(bucket, "c/") == tree
    client().mv(f"{bucket}/c/large.bin", f"{bucket}/moved/ü")
    assert store.contents(bucket, "moved/") == {"ü": tree["large.bin"]}
    assert client().find(f"{bucket}/t/data/2026") == [
        f"{bucket}/t/data/2026/01.csv", f"{bucket}/t/data/2026/02.csv"
    ]
    assert client().glob(f"{bucket}/t/data/*/01.csv") == [
        f"{bucket}/t/data/2026/01.csv", f"{bucket}/t/data/2027/01.csv"
    ]
    paths = [f"{bucket}/t/large.bin"] * 2
    assert client().cat_ranges(paths, [0, LARGE - 9], [9, LARGE]) == [
        tree["large.bin"][:9], tree["large.bin"][-9:]
    ]

    with client().open(f"{bucket}/written", "wb", block_size=5 << 20) as file:
        for number in range(3):
            file.write(content(number, 4 << 20))
    with client().open(f"{bucket}/written", "ab") as file:
        file.write(b"and more")
    expected = b"".join(content(number, 4 << 20) for number in range(3)) + b"and more"
    assert store.contents(bucket, "written") == {"": expected}
    assert store.parts(bucket, "written") > 1
    client().pipe_file(f"{bucket}/once", b"1", mode="create")
    with pytest.raises(FileExistsError):
        client().pipe_file(f"{bucket}/once", b"2", mode="create")
    assert store.contents(bucket, "once") == {"": b"1"}

    client().get(f"{bucket}/t/", f"{tmp_path}/back/", recursive=True)
    assert read_tree(tmp_path / "back") == tree
    client().rm(f"{bucket}/t", recursive=True)
    assert store.listed(bucket, "t/") == []
