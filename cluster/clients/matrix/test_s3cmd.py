"""s3cmd, as Debian has it."""

from store import Program, make_tree, read_tree


class S3cmd(Program):
    def __call__(self, *arguments, **more):
        store, host = self.store, self.store.host()
        options = [
            f"--access_key={store.access_key}", f"--secret_key={store.secret_key}",
            f"--host={host}", f"--host-bucket={host}", f"--region={store.region}",
            "--multipart-chunk-size-mb=5", "--no-progress", "--no-ssl",
        ]
        return super().__call__(*options, *arguments, **more)


def test_s3cmd(store, program, tmp_path):
    """`mb`, `sync` both ways and with `--delete-removed`, `put` in parts, `cp` and `mv`, `ls` with a
    prefix, `info`, `setacl`, `modify`, `multipart`, `del --recursive`, `rb`"""
    s3cmd = S3cmd(store, tmp_path / "home", program("s3cmd"))
    store.note("s3cmd (Debian)", s3cmd("--version").split()[-1])
    tree = make_tree(tmp_path / "tree")
    bucket = store.bucket("b")
    s3cmd("mb", f"s3://{bucket}")
    s3cmd("sync", f"{tmp_path}/tree/", f"s3://{bucket}/t/")
    assert store.contents(bucket, "t/") == tree
    assert store.parts(bucket, "t/large.bin") == 3
    s3cmd("cp", "--recursive", f"s3://{bucket}/t/", f"s3://{bucket}/c/")
    assert store.contents(bucket, "c/") == tree
    s3cmd("mv", "--recursive", f"s3://{bucket}/c/", f"s3://{bucket}/m/")
    assert store.contents(bucket, "m/") == tree and store.listed(bucket, "c/") == []
    lines = s3cmd("ls", "--recursive", f"s3://{bucket}/t/data/2026").splitlines()
    assert [line.split("/t/")[1] for line in lines] == ["data/2026/01.csv", "data/2026/02.csv"]

    s3cmd("setacl", "--acl-public", f"s3://{bucket}/t/plain.txt")
    assert "anon" in s3cmd("info", f"s3://{bucket}/t/plain.txt").lower()
    s3cmd("modify", "--add-header=Cache-Control:max-age=60", f"s3://{bucket}/t/large.bin")
    head = store.s3().head_object(Bucket=bucket, Key="t/large.bin")
    assert head["CacheControl"] == "max-age=60"
    assert "large" not in s3cmd("multipart", f"s3://{bucket}")

    (tmp_path / "tree/plain.txt").unlink()
    del tree["plain.txt"]
    s3cmd("sync", "--delete-removed", f"{tmp_path}/tree/", f"s3://{bucket}/t/")
    assert store.contents(bucket, "t/") == tree
    s3cmd("sync", f"s3://{bucket}/t/", f"{tmp_path}/back/")
    assert read_tree(tmp_path / "back") == tree
    s3cmd("del", "--recursive", "--force", f"s3://{bucket}/")
    assert store.listed(bucket) == []
    s3cmd("rb", f"s3://{bucket}")
