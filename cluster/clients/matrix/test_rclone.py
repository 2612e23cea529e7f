"""rclone, the one of Debian and the newest one."""

import hashlib
import json
import os
import shutil
import sys
from pathlib import Path

import pytest
from store import LARGE, Program, make_tree, read_tree

PROGRAMS = {
    "Debian": "/usr/bin/rclone",
    "PyPI": str(Path(sys.executable).parent / "rclone"),
}
IN_PARTS = ["--s3-upload-cutoff=5Mi", "--s3-chunk-size=5Mi", "--s3-copy-cutoff=5Mi"]


class Rclone(Program):
    def variables(self):
        remote = {
            "TYPE": "s3", "PROVIDER": "Other", "REGION": self.store.region,
            "ENDPOINT": self.store.endpoint(), "ACCESS_KEY_ID": self.store.access_key,
            "SECRET_ACCESS_KEY": self.store.secret_key,
        }
        config = self.home / "rclone.conf"
        config.touch()
        own = {f"RCLONE_CONFIG_T_{name}": value for name, value in remote.items()}
        own |= {"RCLONE_CONFIG": str(config), "RCLONE_RETRIES": "1"}
        if self.store.authority:
            own["RCLONE_CA_CERT"] = str(self.store.authority)
        return own


@pytest.mark.parametrize("store", ["http", "https"], indirect=True)
@pytest.mark.parametrize("source", sorted(PROGRAMS))
def test_rclone(store, source, tmp_path):
    """`sync` up, from bucket to bucket and down, `check --download`, copies and moves in parts, `lsjson`
    below a path, `md5sum`, `touch`, `deletefile`, `cleanup`, `purge`"""
    if not os.access(PROGRAMS[source], os.X_OK):
        pytest.skip(f"there is no rclone from {source}")
    rclone = Rclone(store, tmp_path / "home", PROGRAMS[source], *IN_PARTS)
    store.note(f"rclone ({source})", rclone("version").split()[1].split("-")[0].lstrip("v"))
    tree = make_tree(tmp_path / "tree")
    one, two = store.bucket("one"), store.bucket("two")
    rclone("mkdir", f"t:{one}")
    rclone("sync", tmp_path / "tree", f"t:{one}/t")
    assert store.contents(one, "t/") == tree
    assert store.parts(one, "t/large.bin") > 1
    rclone("check", "--download", tmp_path / "tree", f"t:{one}/t")

    rclone("sync", f"t:{one}/t", f"t:{two}")
    assert store.contents(two) == tree
    rclone("moveto", f"t:{two}/large.bin", f"t:{two}/moved/large.bin")
    rclone("copyto", f"t:{two}/ümläut/日本語.bin", f"t:{two}/moved/ü")
    expected = {"large.bin": tree["large.bin"], "ü": tree["ümläut/日本語.bin"]}
    assert store.contents(two, "moved/") == expected
    listed = json.loads(rclone("lsjson", "-R", "--files-only", f"t:{one}/t/data"))
    assert sorted(entry["Path"] for entry in listed) == ["2026/01.csv", "2026/02.csv", "2027/01.csv"]
    sizes = json.loads(rclone("size", "--json", f"t:{two}/moved"))
    assert (sizes["count"], sizes["bytes"]) == (2, LARGE + len(expected["ü"]))
    rclone("touch", f"t:{two}/moved/ü")
    sums = dict(reversed(line.split("  ", 1)) for line in rclone("md5sum", f"t:{two}/moved").splitlines())
    assert sums["ü"] == hashlib.md5(expected["ü"]).hexdigest()

    (tmp_path / "tree/plain.txt").unlink()
    del tree["plain.txt"]
    rclone("sync", tmp_path / "tree", f"t:{one}/t")
    assert store.contents(one, "t/") == tree
    shutil.rmtree(tmp_path / "tree")
    rclone("copy", f"t:{one}/t", tmp_path / "tree")
    assert read_tree(tmp_path / "tree") == tree
    rclone("deletefile", f"t:{one}/t/empty")
    assert store.listed(one, "t/empty") == []
    for bucket in (one, two):
        rclone("cleanup", f"t:{bucket}")
        rclone("purge", f"t:{bucket}")
    assert {one, two}.isdisjoint(b["Name"] for b in store.s3().list_buckets()["Buckets"])
