"""A bucket mounted by s3fs, where that is installed and mounting is allowed."""

import os
import shutil
import subprocess
from pathlib import Path


class S3fs:
    """A context manager; `is_mounted` says whether there is a mount at all."""

    def __init__(self, world, directory, bucket, node, *options):
        self.path = Path(directory) / "mount"
        self.is_mounted = False
        if shutil.which("s3fs") is None or not os.access("/dev/fuse", os.R_OK | os.W_OK):
            return
        self.path.mkdir()
        password = Path(directory) / "s3fs-password"
        password.touch(mode=0o600)
        password.write_text("AKIAALICE:alices-secret")
        result = subprocess.run(
            [
                "s3fs", bucket, str(self.path), "-o", f"passwd_file={password}", "-o",
                f"url={world.cluster.endpoint(node)}", "-o", "use_path_request_style", "-o",
                "sigv4", *options,
            ],
            capture_output=True,
            timeout=30,
        )
        self.is_mounted = result.returncode == 0 and os.path.ismount(self.path)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.is_mounted:
            subprocess.run(["fusermount", "-u", str(self.path)], check=True, timeout=30)
