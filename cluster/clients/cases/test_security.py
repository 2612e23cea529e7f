"""Rows of the table of threats that show on a real cluster only (docs/testing.md, "Security")."""

import socket
import time
from concurrent.futures import ThreadPoolExecutor

from cluster import digest
from world import CONTENT


def exchange(world, data, timeout=60):
    """Sends bytes to node 1, and returns what comes until it closes the connection."""
    host, port = world.cluster.host(1).split(":")
    with socket.create_connection((host, int(port)), timeout=timeout) as connection:
        connection.sendall(data)
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
        return answer


def test_s06_version_that_is_judged_is_the_one_that_is_copied(world):
    """Who may read the newest version may not copy an older one for that"""
    world.keep_versions(world.S)
    secret = world.writer.put(world.S, "v", b"secret").succeeds().headers["x-amz-version-id"]
    world.writer.put(world.S, "v", b"shown", x_amz_grant_read='id="b0b"').succeeds()
    world.bob.request("PUT", f"/{world.D}-bob").succeeds()
    bucket = f"{world.D}-bob"
    world.bob.copy(f"{world.S}/v", bucket, "c").copied()
    upload = world.bob.create_upload(bucket, "m")
    for written in (secret, "".join(f"%{ord(letter):02x}" for letter in secret)):
        source = f"{world.S}/v?versionId={written}"
        world.bob.copy(source, bucket, "d").fails(403, "AccessDenied")
        world.bob.copy_part(source, bucket, "m", upload, 1).fails(403, "AccessDenied")
    assert world.bob.head(bucket, "d").status == 404


def test_s08_headers_of_other_stores_mean_nothing(world):
    """Headers that other stores take from their own nodes change nothing"""
    headers = {
        "x-minio-source-etag": "0" * 32, "x-minio-source-replication-request": "true",
        "x-amz-replication-status": "REPLICA", "x-internal-size": "1", "x-triolet-etag": "x",
        "x-amz-meta-x-amz-acl": "public-read", "x-rgw-object-type": "Appendable",
    }
    world.writer.request("PUT", f"/{world.D}/h", headers, CONTENT).succeeds()
    found = world.reader.get(world.D, "h").succeeds()
    assert found.body == CONTENT and not set(headers) - {"x-amz-meta-x-amz-acl"} & set(found.headers)
    world.nobody.get(world.D, "h").fails(403, "AccessDenied")


def test_s10_no_header_is_smuggled_into_an_answer(world):
    """What requests say of answers' headers cannot end them"""
    for value in ("a%0D%0Ax-evil%3A%201", "a%0Ax-evil%3A%201", "a%00b", "%0D%0A%0D%0A%3Cx%3E"):
        for name in ("content-disposition", "content-type", "cache-control"):
            answer = world.reader.get(world.S, "o", f"response-{name}={value}")
            assert answer.status == 400 and "x-evil" not in answer.headers, answer


def test_s11_no_key_is_a_path(world):
    """Keys that look like paths are keys, and no file has such a name"""
    root = world.cluster.directory.parent
    keys = ["../../canary", "/../canary", "..", ".", "a/../../canary", "canary\\..\\x"]
    for key in keys:
        world.writer.put(world.D, key, key.encode()).succeeds()
    for key in keys:
        assert world.bytes_of(world.D, key) == key.encode()
    assert not [path for path in root.rglob("*") if "canary" in path.name]
    assert digest(world.bytes_of(world.S, "o")) == digest(CONTENT)


def test_s13_one_request_is_never_two(world):
    """A request whose length is not clear is refused, and what follows it is not read"""
    head = f"PUT /{world.D}/smuggled HTTP/1.1\r\nHost: x\r\n"
    inner = f"GET /{world.S}/o HTTP/1.1\r\nHost: x\r\n\r\n"
    for lengths in (
        "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n", "Content-Length: 0\r\nContent-Length: 9\r\n",
        "Content-Length: +4\r\n", "Content-Length: 4, 4\r\n", "Transfer-Encoding: gzip, chunked\r\n",
        "Content-Length : 4\r\n", "Content-Length: 4\r\n X: y\r\n",
    ):
        answer = exchange(world, f"{head}{lengths}\r\n0\r\n\r\n{inner}".encode())
        assert answer.count(b"HTTP/1.1 ") <= 1, (lengths, answer)
        assert answer == b"" or b" 4" in answer[:12] or b" 501" in answer[:13], (lengths, answer)
    world.is_absent(world.D, "smuggled")


def test_s14_slow_clients_are_let_go(world):
    """Heads have 10 s, bodies 1 KiB/s over 30 s; then the connection is closed"""

    def seconds_until_closed(data):
        started = time.monotonic()
        exchange(world, data, timeout=90)
        return time.monotonic() - started

    target, headers = world.writer.signed("PUT", f"/{world.D}/slow", {}, b"x" * 100_000)
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    body = f"PUT {target} HTTP/1.1\r\n{lines}Content-Length: 100000\r\n\r\nxxx".encode()
    with ThreadPoolExecutor(2) as pool:
        slow_head = pool.submit(seconds_until_closed, b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow:")
        slow_body = pool.submit(seconds_until_closed, body)
        assert slow_head.result() > 5
        assert slow_body.result() > 20
    world.is_absent(world.D, "slow")
