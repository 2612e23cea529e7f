"""DuckDB, whose extension httpfs comes from a package of its own: nothing is fetched while it runs."""

from pathlib import Path

import pytest

duckdb = pytest.importorskip("duckdb")
extension = pytest.importorskip("duckdb_extension_httpfs")


def test_duckdb(store):
    """`COPY` to Parquet, in parts, partitioned and as CSV; `read_parquet` with wildcards and filters;
    an aggregate over a join of files in two buckets; `glob`"""
    store.note("DuckDB with httpfs", duckdb.__version__)
    one, two = store.make_bucket("one"), store.make_bucket("two")
    found = next(Path(extension.__path__[0]).rglob("httpfs.duckdb_extension"))

    def query(text):
        database = duckdb.connect()
        database.execute(f"LOAD '{found}'")
        database.execute(store.cluster.cluster_env("duckdb", next(store.nodes)))
        # Parts have a ten thousandth of that.
        database.execute("SET s3_uploader_max_filesize = '50GB'")
        return database.execute(text).fetchall()

    rows = "SELECT range AS n, range % 3 AS p, md5(range::VARCHAR) AS t FROM range(400000)"
    query(f"COPY ({rows}) TO 's3://{one}/all.parquet' (FORMAT parquet, COMPRESSION uncompressed)")
    assert store.parts(one, "all.parquet") > 1
    query(f"COPY ({rows}) TO 's3://{one}/by p' (FORMAT parquet, PARTITION_BY (p))")
    query(f"COPY ({rows} LIMIT 1000) TO 's3://{two}/ümläut.csv' (HEADER)")
    expected = (400_000, sum(range(400_000)))
    assert query(f"SELECT count(*), sum(n) FROM 's3://{one}/all.parquet'") == [expected]
    parted = f"read_parquet('s3://{one}/by p/*/*.parquet', hive_partitioning = true)"
    counts = query(f"SELECT p, count(*), min(n) FROM {parted} WHERE p > 0 GROUP BY p ORDER BY p")
    assert counts == [(1, 133_333, 1), (2, 133_333, 2)]
    joined = query(
        f"SELECT count(*), sum(a.n) FROM 's3://{one}/all.parquet' a"
        f" JOIN read_csv('s3://{two}/ümläut.csv') b ON a.t = b.t"
    )
    assert joined == [(1000, sum(range(1000)))]
    files = query(f"SELECT file FROM glob('s3://{one}/**/*.parquet') ORDER BY file")
    assert sorted(entry["Key"] for entry in store.listed(one)) == [
        name.removeprefix(f"s3://{one}/") for (name,) in files
    ]
