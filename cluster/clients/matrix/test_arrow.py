"""pyarrow, whose S3 is the C++ SDK of AWS."""

import pytest
from store import LARGE, make_tree

pyarrow = pytest.importorskip("pyarrow")

import pyarrow.dataset as dataset  # noqa: E402
import pyarrow.parquet as parquet  # noqa: E402
from pyarrow import fs  # noqa: E402


@pytest.mark.parametrize("store", ["http", "https"], indirect=True)
def test_pyarrow(store, tmp_path):
    """A partitioned dataset of Parquet written and read with a filter, a file of many parts, `copy_files`
    of a tree both ways, `move`, `get_file_info` below a path, `delete_dir`"""
    store.note("pyarrow", pyarrow.__version__)
    bucket = store.make_bucket("b")

    def client():
        own = {"tls_ca_file_path": str(store.authority)} if store.authority else {}
        return fs.S3FileSystem(
            access_key=store.access_key, secret_key=store.secret_key, region=store.region,
            endpoint_override=store.host(), scheme=store.scheme, **own,
        )

    count = 200_000
    table = pyarrow.table({
        "number": list(range(count)), "year": [2020 + n % 3 for n in range(count)],
        "text": [f"{n * 2654435761 % 2**32:x} ü" for n in range(count)],
    })
    dataset.write_dataset(
        table, f"{bucket}/years", format="parquet", partitioning=["year"],
        partitioning_flavor="hive", filesystem=client(),
    )
    years = dataset.dataset(f"{bucket}/years", partitioning="hive", filesystem=client())
    found = years.to_table(filter=dataset.field("year") == 2021).sort_by("number")
    assert found["number"].to_pylist() == [n for n in range(count) if n % 3 == 1]
    assert found["text"][1].as_py() == table["text"][4].as_py()
    parquet.write_table(table, f"{bucket}/one.parquet", filesystem=client(), compression="none")
    assert parquet.read_table(f"{bucket}/one.parquet", filesystem=client()).equals(table)

    tree = make_tree(tmp_path / "tree")
    local = fs.LocalFileSystem()
    fs.copy_files(
        str(tmp_path / "tree"), f"{bucket}/t", source_filesystem=local,
        destination_filesystem=client(),
    )
    files = {k: v for k, v in store.contents(bucket, "t/").items() if k and not k.endswith("/")}
    assert files == tree
    client().copy_file(f"{bucket}/t/large.bin", f"{bucket}/copied")
    client().move(f"{bucket}/copied", f"{bucket}/moved/ü")
    with client().open_input_file(f"{bucket}/moved/ü") as file:
        assert file.size() == LARGE
        assert file.read_at(9, LARGE - 9) == tree["large.bin"][-9:]
    below = client().get_file_info(fs.FileSelector(f"{bucket}/t/data", recursive=True))
    names = sorted(info.path for info in below if info.type == fs.FileType.File)
    assert names == [f"{bucket}/t/data/{name}.csv" for name in ("2026/01", "2026/02", "2027/01")]
    with client().open_output_stream(f"{bucket}/stream") as stream:
        for start in range(0, LARGE, 1 << 20):
            stream.write(tree["large.bin"][start : start + (1 << 20)])
    assert store.contents(bucket, "stream")[""] == tree["large.bin"]
    assert store.parts(bucket, "stream") >= 2

    client().delete_dir(f"{bucket}/t")
    client().delete_file(f"{bucket}/moved/ü")
    assert store.listed(bucket, "t/") == []
    client().delete_dir_contents(bucket)
    assert store.listed(bucket) == []
