"""What a client is pointed at, and what it should find there."""

import itertools
import os
import subprocess
from pathlib import Path

from cluster import content

MEBIBYTE = 1 << 20
# Above the size from which clients upload in parts, once they are told to do so from 5 MiB.
LARGE = 12 * MEBIBYTE + 1
NAMES = [
    "plain.txt", "empty", "with blank & plus+", "ümläut/日本語.bin", "percent%25/a%2Fb", "👍🏽/a=b;c",
    "deep/er/and/deeper/file.tar.gz", "deep/er/x~y!z(1)'", "data/2026/01.csv", "data/2026/02.csv",
    "data/2027/01.csv", "large.bin",
]


def make_tree(root):
    """Files under a directory; their contents by their paths in it."""
    sizes = {"empty": 0, "large.bin": LARGE, "plain.txt": 70_000}
    tree = {name: content(number, sizes.get(name, 900 + number)) for number, name in enumerate(NAMES)}
    for name, data in tree.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)
    return tree


def read_tree(root):
    """Contents of all files under a directory by their paths in it."""
    files = [file for file in Path(root).rglob("*") if file.is_file()]
    return {str(file.relative_to(root)): file.read_bytes() for file in files}


class Store:
    """A cluster with buckets of a test's own; each call of a client goes to another node."""

    def __init__(self, cluster, name, note, authority=None):
        self.cluster = cluster
        self.name = name
        self.note_property = note
        self.authority = authority
        self.nodes = itertools.cycle(range(1, cluster.nodes + 1))
        self.scheme = "https" if authority else "http"
        self.keys = cluster.keys()
        self.access_key = self.keys["AWS_ACCESS_KEY_ID"]
        self.secret_key = self.keys["AWS_SECRET_ACCESS_KEY"]
        self.region = self.keys["AWS_DEFAULT_REGION"]

    def note(self, client, version):
        """For the page: which client this was."""
        self.note_property("client", client)
        self.note_property("version", version)
        self.note_property("over", self.scheme.upper())

    # Where it is

    def host(self):
        """HOST:PORT of the next node."""
        return self.cluster.host(next(self.nodes))

    def endpoint(self):
        return f"{self.scheme}://{self.host()}"

    def variables(self):
        """Environment as clients of AWS read it."""
        own = self.keys | {"AWS_ENDPOINT_URL": self.endpoint()}
        return own | ({"AWS_CA_BUNDLE": str(self.authority)} if self.authority else {})

    def exports(self, client):
        """What `triolet env` says for a client."""
        lines = self.cluster.cluster_env(client, next(self.nodes)).splitlines()
        named = [line.removeprefix("export ") for line in lines if line.startswith("export ")]
        return dict(line.split("=", 1) for line in named)

    # What is there, asked through the next node with boto3

    def s3(self, **config):
        return self.cluster.s3(next(self.nodes), authority=self.authority, **config)

    def bucket(self, name):
        """The name of a bucket that only this test has."""
        return f"{self.name}-{name}"

    def make_bucket(self, name):
        bucket = self.bucket(name)
        self.s3().create_bucket(Bucket=bucket)
        return bucket

    def listed(self, bucket, prefix=""):
        pages = self.s3().get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        return [entry for page in pages for entry in page.get("Contents", [])]

    def contents(self, bucket, prefix=""):
        """All objects below a prefix: bytes by the rest of their keys."""
        found = {}
        for entry in self.listed(bucket, prefix):
            answer = self.s3().get_object(Bucket=bucket, Key=entry["Key"])
            found[entry["Key"].removeprefix(prefix)] = answer["Body"].read()
        return found

    def parts(self, bucket, key):
        """How many parts an object has that was uploaded in parts; 1 if it was not."""
        tag = self.s3().head_object(Bucket=bucket, Key=key)["ETag"].strip('"')
        return int(tag.split("-")[1]) if "-" in tag else 1

    def remove_buckets(self):
        for bucket in self.s3().list_buckets(Prefix=self.name).get("Buckets", []):
            for entry in self.listed(bucket["Name"]):
                self.s3().delete_object(Bucket=bucket["Name"], Key=entry["Key"])
            self.s3().delete_bucket(Bucket=bucket["Name"])


class Program:
    """A client that is a program, with a home and no settings but its own."""

    def __init__(self, store, home, *command):
        self.store = store
        self.home = Path(home)
        self.home.mkdir(parents=True, exist_ok=True)
        self.command = command

    def variables(self):
        return self.store.variables()

    def __call__(self, *arguments, fails=False, text=None):
        """What it writes; with `fails` it has to end with another code than 0."""
        own = dict(os.environ)
        result = subprocess.run(
            [*self.command, *map(str, arguments)],
            env=own | {"HOME": str(self.home)} | self.variables(),
            cwd=self.home,
            input=text,
            capture_output=True,
            text=True,
            timeout=150,
        )
        output = result.stdout + result.stderr
        shown = " ".join(map(str, arguments))
        assert (result.returncode != 0) == fails, f"{shown}: {result.returncode}\n{output}"
        return output if fails else result.stdout
