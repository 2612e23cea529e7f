"""aws-cli, boto3, rclone and s3cmd each do everything through a different node each time."""

import itertools

import pytest
from cluster import content
from drivers import DRIVERS

# Below the sizes from which the clients upload in parts.
OBJECTS = {
    "empty": 0,
    "one-byte": 1,
    "folder/small.bin": 5_000,
    "folder/deep/er/with blank & plus+.txt": 70_000,
    "ümläut/日本.bin": 1_048_577,
    "seven-mebibytes": 7 << 20,
}


@pytest.mark.parametrize("name", sorted(DRIVERS))
def test_everything_through_different_nodes(cluster, tmp_path, name):
    client = DRIVERS[name](cluster, tmp_path / "home")
    bucket = f"matrix-{name}"
    nodes = itertools.cycle(range(1, cluster.nodes + 1))
    client.make_bucket(next(nodes), bucket)
    for number, (key, size) in enumerate(OBJECTS.items()):
        data = content(number, size)
        file = tmp_path / f"up-{number}"
        file.write_bytes(data)
        client.put(next(nodes), file, bucket, key)
        client.copy(next(nodes), bucket, key, f"copied/{key}")
        client.copy(next(nodes), bucket, key, f"to-move/{key}")
        client.move(next(nodes), bucket, f"to-move/{key}", f"moved/{key}")
        for there in (key, f"copied/{key}", f"moved/{key}"):
            back = tmp_path / "back"
            client.get(next(nodes), bucket, there, back)
            assert back.read_bytes() == data, f"{name}: {there} came back with other bytes"
            back.unlink()
    expected = sorted(prefix + key for prefix in ("", "copied/", "moved/") for key in OBJECTS)
    for node in range(1, cluster.nodes + 1):
        assert sorted(client.keys(node, bucket)) == expected
    for key in expected:
        client.delete(next(nodes), bucket, key)
    assert client.keys(next(nodes), bucket) == []
    client.remove_bucket(next(nodes), bucket)
