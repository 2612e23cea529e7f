"""Whoever does not know the secret gets nothing out of the peer port, and does no harm."""

import hashlib
import hmac
import json
import os
import random
import socket
import struct
import subprocess
import time

from cluster import BINARY, content, digest, free_base_port, wait_until


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
    cluster.s3(node).create_bucket(Bucket="peer-port")
    assert cluster.admin(node, "/health/ready") == "ready\n"
    data = content(node, 100_000)
    s3 = cluster.s3(node)
    s3.put_object(Bucket="peer-port", Key="still-here", Body=data)
    found = s3.get_object(Bucket="peer-port", Key="still-here")["Body"].read()
    assert digest(found) == digest(data)


def test_bytes_that_are_no_handshake(cluster):
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


class Insider:
    """Somebody who knows the secret, and so gets past the handshake (docs/protocol/frames.md)."""

    def __init__(self, cluster, node, secret=None):
        secret = secret or (cluster.directory / "peer_secret").read_text().strip().encode()
        key = hmac.digest(secret, b"triolet handshake 1", hashlib.sha256)
        self.peer = socket.create_connection(("127.0.0.1", cluster.peer_port(node)))
        self.peer.settimeout(8)
        own = b"TRIP\x01\x01\x00\x00" + os.urandom(16) + os.urandom(32)
        self.peer.sendall(own)
        other = self.receive(56)
        proof = hmac.digest(key, b"\x01" + own + other, hashlib.sha256)
        self.peer.sendall(proof)
        # What somebody who listens has of it.
        self.said = own + proof
        expected = hmac.digest(key, b"\x02" + own + other, hashlib.sha256)
        assert self.receive(32) == expected

    def receive(self, count):
        data = b""
        while len(data) < count:
            part = self.peer.recv(count - len(data))
            assert part, "closed during the handshake"
            data += part
        return data


# A ping that is right, from the page; the others break one rule each.
PING = bytes.fromhex("54 52 49 4f 01 06 00 00 00 00 00 00 00 00 00 00 00 00 00 00 25 66 d5 b6")
BROKEN_FRAMES = {
    "wrong checksum": PING[:-1] + b"\x00",
    "wrong magic": b"XXXX" + PING[4:],
    "unknown version": PING[:4] + b"\x09" + PING[5:],
    "unknown kind": PING[:5] + b"\x63" + PING[6:],
    "a payload of 4 GiB": PING[:16] + b"\xff\xff\xff\xff" + PING[20:],
    "random bytes": random.Random(6).randbytes(4_096),
}


def test_broken_frames_of_somebody_with_the_secret(cluster):
    insider = Insider(cluster, 3)
    insider.peer.sendall(PING)
    assert insider.receive(24)[:6] == b"TRIO\x01\x07", "a ping is answered by a pong"
    insider.peer.close()
    for name, attack in BROKEN_FRAMES.items():
        insider = Insider(cluster, 3)
        known = len(cluster.log(3))
        insider.peer.sendall(attack)
        assert is_closed(insider.peer), name
        insider.peer.close()
        deadline = time.monotonic() + 5
        while not any("peer" in line["msg"] for line in cluster.log(3)[known:]):
            assert time.monotonic() < deadline, f"no log line for {name}"
            time.sleep(0.05)
    # Half a frame, and then nothing: closed once it has been silent for too long.
    insider = Insider(cluster, 3)
    insider.peer.sendall(PING[:13])
    assert is_closed(insider.peer, within=30), "half a frame"
    assert_serves(cluster, 3)


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


def frame(kind, stream, payload):
    head = b"TRIO\x01" + bytes([kind]) + struct.pack(">HQI", 0, stream, len(payload))
    return head + struct.pack(">I", crc32c(head + payload)) + payload


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def request(kind, stream, head=b"", body_bytes=0):
    """The first frame of a request that announces a body."""
    return frame(1, stream, struct.pack(">BQII", kind, 0, len(head), body_bytes) + head)


DESCRIBE, WRITE_CHUNK = 9, 4


def test_s16_what_is_announced_takes_no_memory(fresh_cluster):
    """Row S16: lengths that are announced, the largest there may be, and never come"""
    cluster = fresh_cluster
    before = cluster.memory(1, "VmRSS")
    insiders = [Insider(cluster, 1) for _ in range(4)]
    for insider in insiders:
        for stream in range(1, 251):
            insider.peer.sendall(request(WRITE_CHUNK, stream, body_bytes=4 << 20))
    assert insiders[0].receive(24)[:6] == b"TRIO\x01\x04", "the first of them gets credit"
    assert_serves(cluster, 1)
    grown = cluster.memory(1, "VmRSS") - before
    print(f"1,000 requests that announce 4 MiB each: {grown >> 20} MiB")
    # The node sets aside 64 MiB for requests, and touches what has come of them only.
    assert grown < 64 << 20, grown
    for insider in insiders:
        insider.peer.close()
    for length in (8 << 20) + 1, 0xFFFFFFFF:
        insider = Insider(cluster, 1)
        insider.peer.sendall(frame(1, 1, struct.pack(">BQII", DESCRIBE, 0, length, 0)))
        assert is_closed(insider.peer), length
        insider.peer.close()
    assert_serves(cluster, 1)


def test_s17_what_was_said_before_lets_nobody_in(fresh_cluster):
    """Row S17: a conversation that was listened to, sent again: to the node as it is, and started again"""
    cluster = fresh_cluster
    insider = Insider(cluster, 2)
    asked = request(DESCRIBE, 1)
    insider.peer.sendall(asked)
    assert insider.receive(24)[:6] == b"TRIO\x01\x02", "who is let in is answered"
    insider.peer.close()
    for start in "the same start", "another start":
        known = len(refusals(cluster, 2))
        with socket.create_connection(("127.0.0.1", cluster.peer_port(2))) as peer:
            peer.settimeout(8)
            peer.sendall(insider.said[:56])
            answer = b""
            while len(answer) < 56:
                answer += peer.recv(56 - len(answer))
            peer.sendall(insider.said[56:] + asked)
            assert is_closed(peer), start
        wait_until(lambda: len(refusals(cluster, 2)) > known, f"no log line: {start}", within=10)
        if start == "the same start":
            cluster.restart(2)
            wait_until(lambda: cluster.readiness(2) == "ready", "n2 does not come back")
    assert_serves(cluster, 2)
