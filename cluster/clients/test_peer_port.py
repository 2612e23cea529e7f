"""Whoever does not know the secret gets nothing out of the peer port, and does no harm."""

import json
import random
import socket
import subprocess
import time

from cluster import BINARY, content, digest, free_base_port


def refusals(cluster, node):
    return [line for line in cluster.log(node) if line["msg"] == "peer connection refused"]


def is_closed(peer, within=8):
    """Whether the other end closes the connection in time."""
    peer.settimeout(within)
    try:
        while peer.recv(4_096):
            pass
        return True
    except TimeoutError:
        return False
    except OSError:
        return True


def assert_serves(cluster, node):
    assert cluster.admin(node, "/health/ready") == "ready\n"
    data = content(node, 100_000)
    s3 = cluster.s3(node)
    s3.put_object(Bucket="peer-port", Key="still-here", Body=data)
    found = s3.get_object(Bucket="peer-port", Key="still-here")["Body"].read()
    assert digest(found) == digest(data)


def test_bytes_that_are_no_handshake(cluster):
    cluster.s3(1).create_bucket(Bucket="peer-port")
    chance = random.Random(5)
    attacks = {
        "random bytes": chance.randbytes(100_000),
        "one byte": b"\x00",
        "zeroes": bytes(1_000),
        "a huge length": b"\xff" * 64,
        "HTTP": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    }
    for name, attack in attacks.items():
        known = len(refusals(cluster, 1))
        with socket.create_connection(("127.0.0.1", cluster.peer_port(1))) as peer:
            try:
                peer.sendall(attack)
            except OSError:
                pass  # Closed before it had all of it: as it should be.
            assert is_closed(peer), name
        deadline = time.monotonic() + 5
        while len(refusals(cluster, 1)) == known:
            assert time.monotonic() < deadline, f"no log line for {name}"
            time.sleep(0.05)
    assert_serves(cluster, 1)


def test_many_silent_connections(cluster):
    peers = [
        socket.create_connection(("127.0.0.1", cluster.peer_port(2))) for _ in range(200)
    ]
    try:
        assert_serves(cluster, 2)
        assert all(is_closed(peer) for peer in peers)
    finally:
        for peer in peers:
            peer.close()


def test_a_node_with_another_secret(cluster, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("another-secret-of-somebody\n")
    secret.chmod(0o600)
    base = free_base_port(1)
    known = {node: len(refusals(cluster, node)) for node in (1, 2, 3)}
    seeds = ",".join(f"127.0.0.1:{cluster.peer_port(node)}" for node in (1, 2, 3))
    stranger = subprocess.Popen(
        [
            BINARY, "serve", "--node-data", str(tmp_path / "data"), "--node-name", "stranger",
            "--s3-listen", f"127.0.0.1:{base}", "--admin-listen", f"127.0.0.1:{base + 1}",
            "--peer-listen", f"127.0.0.1:{base + 2}", "--peer-seeds", seeds,
            "--peer-secret-file", str(secret),
            "--root-access-key", "stranger", "--root-secret-key", "of-no-importance",
        ],
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + 20
        while any(len(refusals(cluster, node)) == known[node] for node in known):
            assert stranger.poll() is None, "the stranger gave up"
            assert time.monotonic() < deadline, "no log line"
            time.sleep(0.1)
    finally:
        stranger.terminate()
        assert stranger.wait(timeout=60) == 0
    for node in known:
        assert_serves(cluster, node)
    assert len(json.loads(cluster.admin(1, "/v1/nodes"))["nodes"]) == 3
