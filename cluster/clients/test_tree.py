"""A directory tree goes up, from bucket to bucket, and comes back the same."""

import random
import subprocess

from cluster import content
from drivers import AwsCli

FILES = 250


def make_tree(root):
    chance = random.Random(7)
    for number in range(FILES):
        folder = root.joinpath(*(f"d{chance.randrange(4)}" for _ in range(chance.randrange(4))))
        folder.mkdir(parents=True, exist_ok=True)
        size = chance.choice([0, 1, 100, 4_096, 20_000, 200_000])
        name = chance.choice(["plain", "with blank", "ünïcode", "plus+and%25", "dot.tar.gz"])
        (folder / f"{name}-{number}").write_bytes(content(number, size))


def test_sync_up_across_and_back(cluster, tmp_path):
    make_tree(tmp_path / "tree")
    aws = AwsCli(cluster, tmp_path / "home")
    for node, bucket in ((1, "tree-one"), (2, "tree-two")):
        aws.make_bucket(node, bucket)
    aws.aws(1, "sync", "--only-show-errors", str(tmp_path / "tree"), "s3://tree-one")
    pulled = cluster.total("triolet_node_chunk_bytes_pulled_total")
    aws.aws(2, "sync", "--only-show-errors", "s3://tree-one", "s3://tree-two")
    assert cluster.total("triolet_node_chunk_bytes_pulled_total") == pulled
    aws.aws(3, "sync", "--only-show-errors", "s3://tree-two", str(tmp_path / "back"))
    subprocess.run(
        ["diff", "-r", str(tmp_path / "tree"), str(tmp_path / "back")], check=True, timeout=60
    )
    assert len(aws.keys(3, "tree-two")) == FILES
