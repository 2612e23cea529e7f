"""s5cmd, which does many things at once."""

import pytest
from store import Program, make_tree, read_tree


class S5cmd(Program):
    def variables(self):
        own = self.store.variables()
        return own | {"S3_ENDPOINT_URL": own.pop("AWS_ENDPOINT_URL")}


@pytest.mark.parametrize("store", ["http", "https"], indirect=True)
def test_s5cmd(store, program, tmp_path):
    """`mb`, `sync` both ways, from prefix to prefix and with `--delete`, files in parts, `mv`, `ls` with a
    wildcard, `run` of a list of commands, `rm` with a wildcard, `rb`"""
    s5cmd = S5cmd(store, tmp_path / "home", program("s5cmd"))
    store.note("s5cmd", s5cmd("version").split("-")[0].lstrip("v"))
    tree = make_tree(tmp_path / "tree")
    bucket = store.bucket("b")
    s5cmd("mb", f"s3://{bucket}")
    s5cmd("sync", "--part-size=5", f"{tmp_path}/tree/", f"s3://{bucket}/t/")
    assert store.contents(bucket, "t/") == tree
    assert store.parts(bucket, "t/large.bin") == 3
    s5cmd("sync", f"s3://{bucket}/t/*", f"s3://{bucket}/c/")
    assert store.contents(bucket, "c/") == tree
    s5cmd("mv", f"s3://{bucket}/c/*", f"s3://{bucket}/m/")
    assert store.contents(bucket, "m/") == tree and store.listed(bucket, "c/") == []
    lines = s5cmd("ls", f"s3://{bucket}/t/data/*/01.csv").splitlines()
    assert [line.split()[-1] for line in lines] == ["2026/01.csv", "2027/01.csv"]

    commands = "".join(
        f"cp s3://{bucket}/t/data/2026/0{number}.csv s3://{bucket}/run/{number}\n"
        for number in (1, 2)
    )
    s5cmd("run", text=commands)
    both = {"1": tree["data/2026/01.csv"], "2": tree["data/2026/02.csv"]}
    assert store.contents(bucket, "run/") == both
    (tmp_path / "tree/plain.txt").unlink()
    del tree["plain.txt"]
    s5cmd("sync", "--delete", f"{tmp_path}/tree/", f"s3://{bucket}/t/")
    assert store.contents(bucket, "t/") == tree
    s5cmd("cp", f"s3://{bucket}/t/*", f"{tmp_path}/back/")
    assert read_tree(tmp_path / "back") == tree
    s5cmd("rm", f"s3://{bucket}/*")
    assert store.listed(bucket) == []
    s5cmd("rb", f"s3://{bucket}")
