"""s3fs, which mounts a bucket as a directory, where that is allowed.

`truncate` is left out: s3fs 1.90 does not read what it is to shorten, and uploads zeros.
"""

import os
import shutil
import subprocess
from contextlib import contextmanager

import pytest
from store import make_tree, read_tree


@contextmanager
def mounted(store, program, directory, bucket):
    path = directory / "mount"
    path.mkdir(exist_ok=True)
    password = directory / "password"
    password.touch(mode=0o600)
    password.write_text(f"{store.access_key}:{store.secret_key}")
    subprocess.run(
        [
            program, bucket, str(path), "-o", f"passwd_file={password}", "-o",
            f"url={store.endpoint()}", "-o", "use_path_request_style", "-o", "sigv4", "-o",
            "multipart_size=5", "-o", "enable_content_md5",
        ],
        check=True,
        timeout=30,
    )
    try:
        assert os.path.ismount(path)
        yield path
    finally:
        subprocess.run(["fusermount", "-u", str(path)], check=True, timeout=30)


def test_s3fs_mount(store, program, tmp_path):
    """A tree copied onto a mount, and read through a mount of another node; a large file in parts,
    changed in its middle; renames of files and directories; `chmod`, `rm -r`"""
    if not os.access("/dev/fuse", os.R_OK | os.W_OK):
        pytest.skip("nothing can be mounted here")
    s3fs = program("/usr/bin/s3fs")
    shown = subprocess.run([s3fs, "--version"], capture_output=True, text=True, check=True).stdout
    store.note("s3fs (Debian)", shown.split("V")[1].split()[0])
    bucket = store.make_bucket("b")
    tree = make_tree(tmp_path / "tree")
    with mounted(store, s3fs, tmp_path, bucket) as root:
        shutil.copytree(tmp_path / "tree", root / "t")
        (root / "t/plain.txt").chmod(0o640)
    assert store.parts(bucket, "t/large.bin") > 1
    with mounted(store, s3fs, tmp_path, bucket) as root:
        assert read_tree(root / "t") == tree
        assert (root / "t/plain.txt").stat().st_mode & 0o777 == 0o640
        with open(root / "t/large.bin", "r+b") as file:
            file.seek(6 << 20)
            file.write(b"changed")
        (root / "t/data").rename(root / "t/moved")
        (root / "t/plain.txt").rename(root / "t/ü.txt")
    for name in ("data/2026/01.csv", "data/2026/02.csv", "data/2027/01.csv"):
        tree[name.replace("data", "moved")] = tree.pop(name)
    tree["ü.txt"] = tree.pop("plain.txt")
    large, middle = tree["large.bin"], 6 << 20
    tree["large.bin"] = large[:middle] + b"changed" + large[middle + len(b"changed"):]
    files = {k: v for k, v in store.contents(bucket, "t/").items() if k and not k.endswith("/")}
    assert files == tree
    with mounted(store, s3fs, tmp_path, bucket) as root:
        assert read_tree(root / "t") == tree
        shutil.rmtree(root / "t")
    assert store.listed(bucket) == []
