"""The same seven things, done by four well-known clients."""

import os
import subprocess
import sys
from pathlib import Path


class CommandLine:
    """A client that is a program. `node` may change from call to call."""

    def __init__(self, cluster, directory):
        self.cluster = cluster
        self.directory = Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.extra = {}

    def environment(self, node):
        return {}

    def run(self, node, *command):
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith("AWS_")
        }
        environment |= {"HOME": str(self.directory)} | self.environment(node) | self.extra
        result = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=120
        )
        if result.returncode != 0:
            raise AssertionError(f"{' '.join(command)}: {result.stdout}{result.stderr}")
        return result.stdout

    def exports(self, client, node):
        lines = self.cluster.cluster_env(client, node).splitlines()
        return dict(
            line.removeprefix("export ").split("=", 1)
            for line in lines
            if line.startswith("export ")
        )


class AwsCli(CommandLine):
    program = str(Path(sys.executable).parent / "aws")

    def environment(self, node):
        return self.exports("aws", node)

    def aws(self, node, *arguments):
        return self.run(node, self.program, "s3", *arguments)

    def configure(self, **settings):
        """Settings of `aws s3`, as in its configuration file."""
        config = self.directory / ".aws" / "config"
        config.parent.mkdir(exist_ok=True)
        lines = "".join(f"  {name} = {value}\n" for name, value in settings.items())
        config.write_text(f"[default]\ns3 =\n{lines}")

    def make_bucket(self, node, bucket):
        self.aws(node, "mb", f"s3://{bucket}")

    def put(self, node, file, bucket, key):
        self.aws(node, "cp", str(file), f"s3://{bucket}/{key}")

    def get(self, node, bucket, key, file):
        self.aws(node, "cp", f"s3://{bucket}/{key}", str(file))

    def copy(self, node, bucket, source, target):
        self.aws(node, "cp", f"s3://{bucket}/{source}", f"s3://{bucket}/{target}")

    def move(self, node, bucket, source, target):
        self.aws(node, "mv", f"s3://{bucket}/{source}", f"s3://{bucket}/{target}")

    def keys(self, node, bucket):
        lines = self.aws(node, "ls", "--recursive", f"s3://{bucket}").splitlines()
        return [line.split(maxsplit=3)[3] for line in lines]

    def delete(self, node, bucket, key):
        self.aws(node, "rm", f"s3://{bucket}/{key}")

    def remove_bucket(self, node, bucket):
        self.aws(node, "rb", f"s3://{bucket}")


class Rclone(CommandLine):
    def environment(self, node):
        config = self.directory / "rclone.conf"
        config.touch()
        return {"RCLONE_CONFIG": str(config)} | self.exports("rclone", node)

    def rclone(self, node, *arguments):
        return self.run(node, "rclone", "--retries=1", *arguments)

    def make_bucket(self, node, bucket):
        self.rclone(node, "mkdir", f"triolet:{bucket}")

    def put(self, node, file, bucket, key):
        self.rclone(node, "copyto", str(file), f"triolet:{bucket}/{key}")

    def get(self, node, bucket, key, file):
        self.rclone(node, "copyto", f"triolet:{bucket}/{key}", str(file))

    def copy(self, node, bucket, source, target):
        self.rclone(node, "copyto", f"triolet:{bucket}/{source}", f"triolet:{bucket}/{target}")

    def move(self, node, bucket, source, target):
        self.rclone(node, "moveto", f"triolet:{bucket}/{source}", f"triolet:{bucket}/{target}")

    def keys(self, node, bucket):
        return self.rclone(node, "lsf", "-R", "--files-only", f"triolet:{bucket}").splitlines()

    def delete(self, node, bucket, key):
        self.rclone(node, "deletefile", f"triolet:{bucket}/{key}")

    def remove_bucket(self, node, bucket):
        self.rclone(node, "rmdir", f"triolet:{bucket}")


class S3cmd(CommandLine):
    def s3cmd(self, node, *arguments):
        config = self.directory / f"s3cfg-{node}"
        config.write_text(self.cluster.cluster_env("s3cmd", node))
        return self.run(node, "s3cmd", f"--config={config}", "--no-progress", *arguments)

    def make_bucket(self, node, bucket):
        self.s3cmd(node, "mb", f"s3://{bucket}")

    def put(self, node, file, bucket, key):
        self.s3cmd(node, "put", str(file), f"s3://{bucket}/{key}")

    def get(self, node, bucket, key, file):
        self.s3cmd(node, "get", "--force", f"s3://{bucket}/{key}", str(file))

    def copy(self, node, bucket, source, target):
        self.s3cmd(node, "cp", f"s3://{bucket}/{source}", f"s3://{bucket}/{target}")

    def move(self, node, bucket, source, target):
        self.s3cmd(node, "mv", f"s3://{bucket}/{source}", f"s3://{bucket}/{target}")

    def keys(self, node, bucket):
        lines = self.s3cmd(node, "ls", "--recursive", f"s3://{bucket}").splitlines()
        return [line.split(f"s3://{bucket}/", 1)[1] for line in lines]

    def delete(self, node, bucket, key):
        self.s3cmd(node, "del", f"s3://{bucket}/{key}")

    def remove_bucket(self, node, bucket):
        self.s3cmd(node, "rb", f"s3://{bucket}")


class Boto3:
    def __init__(self, cluster, directory):
        self.cluster = cluster

    def make_bucket(self, node, bucket):
        self.cluster.s3(node).create_bucket(Bucket=bucket)

    def put(self, node, file, bucket, key):
        with open(file, "rb") as body:
            self.cluster.s3(node).put_object(Bucket=bucket, Key=key, Body=body)

    def get(self, node, bucket, key, file):
        answer = self.cluster.s3(node).get_object(Bucket=bucket, Key=key)
        Path(file).write_bytes(answer["Body"].read())

    def copy(self, node, bucket, source, target):
        self.cluster.s3(node).copy_object(
            Bucket=bucket, Key=target, CopySource={"Bucket": bucket, "Key": source}
        )

    def move(self, node, bucket, source, target):
        self.copy(node, bucket, source, target)
        self.delete(node, bucket, source)

    def keys(self, node, bucket):
        pages = self.cluster.s3(node).get_paginator("list_objects_v2").paginate(Bucket=bucket)
        return [entry["Key"] for page in pages for entry in page.get("Contents", [])]

    def delete(self, node, bucket, key):
        self.cluster.s3(node).delete_object(Bucket=bucket, Key=key)

    def remove_bucket(self, node, bucket):
        self.cluster.s3(node).delete_bucket(Bucket=bucket)


DRIVERS = {"aws": AwsCli, "boto3": Boto3, "rclone": Rclone, "s3cmd": S3cmd}
