"""restic, whose repository is a bucket that it makes."""

import json
import shutil

import pytest
from cluster import content
from store import Program, make_tree, read_tree


class Restic(Program):
    def variables(self):
        own = self.store.variables() if self.store.authority else self.store.exports("restic")
        own["RESTIC_REPOSITORY"] = f"s3:{self.store.endpoint()}/{self.store.bucket('r')}/backups"
        return own | {"RESTIC_PASSWORD": "correct horse", "RESTIC_CACHE_DIR": str(self.home / "c")}


@pytest.mark.parametrize("store", ["http", "https"], indirect=True)
def test_restic(store, program, tmp_path):
    """`init`, `backup` twice, `snapshots`, `check --read-data`, `restore`, `forget --prune`, and `check`
    and `restore` after it"""
    certificate = [f"--cacert={store.authority}"] if store.authority else []
    restic = Restic(store, tmp_path / "home", program("restic"), *certificate)
    store.note("restic (Debian)", restic("version").split()[1])
    tree = make_tree(tmp_path / "tree")
    restic("init")
    restic("backup", tmp_path / "tree")
    (tmp_path / "tree/only-in-the-first").write_bytes(content(99, 3 << 20))
    restic("backup", tmp_path / "tree")
    (tmp_path / "tree/only-in-the-first").unlink()
    restic("backup", tmp_path / "tree")
    snapshots = json.loads(restic("snapshots", "--json"))
    assert len(snapshots) == 3
    assert "no errors were found" in restic("check", "--read-data")
    before = sum(entry["Size"] for entry in store.listed(store.bucket("r")))

    restic("forget", "--keep-last=1", "--prune")
    after = sum(entry["Size"] for entry in store.listed(store.bucket("r")))
    assert after < before - (1 << 20), "pruning gives back what only an old snapshot had"
    shutil.rmtree(tmp_path / "home" / "c")
    assert "no errors were found" in restic("check", "--read-data")
    restic("restore", "latest", "--target", tmp_path / "back")
    assert read_tree(tmp_path / "back" / str(tmp_path / "tree").lstrip("/")) == tree
    assert [e for e in store.listed(store.bucket("r")) if "/locks/" in e["Key"]] == []
