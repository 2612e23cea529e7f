"""Rows of the table of threats that show on a real cluster only (docs/testing.md, "Security")."""

import select
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


def test_s20_nobody_is_called_for_a_client(world):
    """Whatever address a request names, no node connects to it"""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(1)
        host = "127.0.0.1:%d" % listener.getsockname()[1]
        url = f"http://{host}/{world.S}/o"
        for source in (url, f"//{host}/{world.S}/o", f"{host}/{world.S}/o", f"s3://{host}/o", f"@{host}/o"):
            answer = world.writer.copy(source, world.D, "c")
            assert 400 <= answer.status < 500, (source, answer)
        for headers in (
            {"host": host}, {"x-forwarded-host": host}, {"origin": f"http://{host}", "referer": url},
            {"x-amz-website-redirect-location": url}, {"x-amz-grant-read": f'uri="http://{host}/group"'},
        ):
            world.writer.request("PUT", f"/{world.D}/h", headers, b"x")
        # The absolute form of a target, as a proxy would have it.
        exchange(world, f"GET {url} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        policy = (
            '{"Statement": {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", '
            f'"Resource": "arn:aws:s3:::{world.D}/*", "Condition": {{"StringLike": {{"aws:referer": "{url}"}}}}}}}}'
        )
        world.writer.request("PUT", f"/{world.D}?policy", {}, policy.encode())
        cors = (
            f"<CORSConfiguration><CORSRule><AllowedOrigin>http://{host}</AllowedOrigin>"
            "<AllowedMethod>GET</AllowedMethod></CORSRule></CORSConfiguration>"
        )
        world.writer.request("PUT", f"/{world.D}?cors", {}, cors.encode())
        world.writer.get(world.D, "h", origin=f"http://{host}")
        try:
            _, address = listener.accept()
            raise AssertionError(f"somebody called: {address}")
        except TimeoutError:
            pass


def test_s22_what_a_client_announces_takes_no_memory(world):
    """Bodies of 5 GiB that are announced, and of which 64 KiB come"""
    before = world.cluster.memory(1, "VmRSS")
    host, port = world.cluster.host(1).split(":")
    connections = []
    try:
        for number in range(200):
            target, headers = world.root.signed(
                "PUT", f"/{world.D}/{number}", {"x-amz-content-sha256": "UNSIGNED-PAYLOAD"}, None
            )
            lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
            connection = socket.create_connection((host, int(port)), timeout=20)
            connections.append(connection)
            head = f"PUT {target} HTTP/1.1\r\n{lines}Content-Length: {5 << 30}\r\n\r\n"
            connection.sendall(head.encode() + b"x" * 65536)
        assert world.bytes_of(world.S, "o") == CONTENT
        assert select.select(connections, [], [], 0)[0] == [], "none of them is refused"
        grown = world.cluster.memory(1, "VmRSS") - before
        print(f"200 uploads that announce 5 GiB each, with 64 KiB of it: {grown >> 20} MiB")
        # What has come may be kept twice while it moves on, and each connection takes something.
        assert grown < 96 << 20, grown
    finally:
        for connection in connections:
            connection.close()
    assert world.cluster.readiness(1) == "ready"
