"""Row S18 of the table of threats: no secret is in anything that a node writes, answers or leaves behind."""

import base64
import http.client
import os
import re
import secrets
import signal
import urllib.error
import urllib.parse
import urllib.request

import pytest
from cluster import BINARY, Cluster, wait_until
from test_peer_port import Insider

ADMIN_PATHS = (
    "/health/live", "/health/ready", "/metrics", "/v1/cluster", "/v1/nodes", "/v1/ring", "/v1/copies",
    "/v1/copies/nonsense", "/v1/repairs", "/v1/repairs/scrub", "/v1/keys", "/v1/buckets",
    "/v1/buckets/secrets", "/v1/nonsense",
)


class Haystack:
    """Everything that was seen, and where."""

    def __init__(self):
        self.seen = []

    def add(self, place, data):
        self.seen.append((place, data.encode() if isinstance(data, str) else data))
        return data

    def search(self, needles):
        """Where one of the secrets is, in one of the forms in which it could be written."""
        found = []
        for name, secret in needles.items():
            forms = {
                secret, secret.encode().hex(), urllib.parse.quote(secret, safe=""),
                # Whatever stands before it, up to what the last digits share with what follows.
                *(base64.b64encode(b"x" * shift + secret.encode()).decode()[4:-4] for shift in range(3)),
            }
            for form in forms:
                pattern = re.compile(re.escape(form).encode(), re.IGNORECASE)
                found += [f"{name} in {place}" for place, data in self.seen if pattern.search(data)]
        return found


@pytest.fixture
def cluster(tmp_path):
    """Three nodes that log all there is, with an admin token, and report their crashes."""
    cluster = Cluster(
        tmp_path / "secret",
        environment={
            "TRIOLET_ADMIN_TOKEN": secrets.token_urlsafe(24),
            "TRIOLET_LOG_LEVEL": "trace",
            "SWIFT_BACKTRACE": "enable=yes,symbolicate=off,interactive=no,color=no,registers=all,threads=all",
        },
    )
    try:
        cluster.up()
        # `cluster up` keeps such settings from its nodes.
        for node in range(1, cluster.nodes + 1):
            cluster.kill(node)
        for node in range(1, cluster.nodes + 1):
            cluster.serve(node)
        for node in range(1, cluster.nodes + 1):
            wait_until(lambda: cluster.readiness(node) == "ready", f"n{node} does not serve")
        yield cluster
    finally:
        if (cluster.directory / "cluster.json").exists():
            cluster.down()


def exchange(address, method, target, headers, body=b""):
    """The whole answer, head and body."""
    connection = http.client.HTTPConnection(address, timeout=20)
    try:
        connection.request(method, target, body, headers)
        answer = connection.getresponse()
        return answer.status, f"{answer.status} {answer.getheaders()}".encode() + answer.read()
    finally:
        connection.close()


def meet_s3(cluster, hay, keys):
    """Requests that succeed, and some of each sort that fails."""
    s3 = cluster.s3(1)
    s3.create_bucket(Bucket="secrets")
    s3.put_object(Bucket="secrets", Key="k", Body=b"content", Metadata={"a": "b"})
    assert s3.get_object(Bucket="secrets", Key="k")["Body"].read() == b"content"
    url = s3.generate_presigned_url("get_object", {"Bucket": "secrets", "Key": "k"}, ExpiresIn=60)
    scope = f"{keys['AWS_ACCESS_KEY_ID']}/20130524/us-east-1/s3/aws4_request"
    old = {
        "Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host;x-amz-content-sha256;"
        f"x-amz-date, Signature={'a' * 64}",
        "x-amz-date": "20130524T000000Z", "x-amz-content-sha256": "UNSIGNED-PAYLOAD",
    }
    boundary = "b0undary"
    form = "".join(
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in {
            "key": "k", "policy": "e30=", "x-amz-algorithm": "AWS4-HMAC-SHA256", "x-amz-credential": scope,
            "x-amz-date": "20130524T000000Z", "x-amz-signature": "a" * 64, "file": "",
        }.items()
    ) + f"--{boundary}--\r\n"
    requests = {
        "wrong signature": ("GET", "/secrets/k", old, b""),
        "changed signature": ("GET", url.removeprefix(cluster.endpoint(1))[:-1] + "x", {}, b""),
        "unknown key": ("GET", "/secrets/k", old | {"Authorization": old["Authorization"].replace("=", "=X", 1)}, b""),
        "malformed": ("GET", "/secrets/k", old | {"Authorization": "AWS4-HMAC-SHA256 nonsense"}, b""),
        "nobody": ("PUT", "/secrets/k", {}, b"x"),
        "form": ("POST", "/secrets", {"Content-Type": f"multipart/form-data; boundary={boundary}"}, form.encode()),
        "no HTTP": ("GET", "/%zz", {}, b""),
    }
    for name, (method, target, headers, body) in requests.items():
        for node in range(1, cluster.nodes + 1):
            status, answer = exchange(cluster.host(node), method, target, headers, body)
            assert status >= 400, (name, answer)
            hay.add(f"answer to {name}", answer)


def meet_admin(cluster, hay, token):
    for node in range(1, cluster.nodes + 1):
        for path in ADMIN_PATHS:
            for headers in ({}, {"Authorization": f"Bearer {token}"}, {"Authorization": "Bearer wrong"}):
                address = f"127.0.0.1:{cluster.peer_port(node) - 1}"
                _, answer = exchange(address, "GET", path, headers)
                hay.add(f"admin {path}", answer)


def meet_peers(cluster, hay):
    insider = Insider(cluster, 2)
    insider.peer.sendall(b"TRIO\x01\x63" + bytes(18))
    insider.peer.close()
    with pytest.raises((AssertionError, OSError)):
        Insider(cluster, 3, secret=b"another secret of somebody")


def make_key(cluster, token):
    body = b'{"user": "alice", "name": "laptop"}'
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    status, answer = exchange(f"127.0.0.1:{cluster.peer_port(1) - 1}", "POST", "/v1/keys", headers, body)
    assert status in (200, 201), answer
    return re.search(rb'"secret_key"\s*:\s*"([^"]+)"', answer)[1].decode()


def crash(cluster, node, number):
    """Has a node write its report of a crash, and ends it."""
    os.kill(cluster.pid(node), number)
    log = cluster.directory / f"n{node}" / "log"
    wait_until(lambda: "Backtrace took" in log.read_text(errors="replace"), "no report")
    cluster.kill(node)


def test_s18_no_secret_leaves_a_node(cluster):
    """Secrets are in the files that are theirs, readable by their owner only, and nowhere else"""
    hay = Haystack()
    keys = cluster.keys()
    token = cluster.environment["TRIOLET_ADMIN_TOKEN"]
    needles = {
        "the root key": keys["AWS_SECRET_ACCESS_KEY"],
        "the cluster secret": (cluster.directory / "peer_secret").read_text().strip(),
        "the admin token": token,
        "a user's key": make_key(cluster, token),
    }
    meet_s3(cluster, hay, keys)
    meet_admin(cluster, hay, token)
    meet_peers(cluster, hay)
    for node in range(1, cluster.nodes + 1):
        hay.add(f"command line of n{node}", (cluster.process(node) / "cmdline").read_bytes())
    for arguments in (
        ["serve", "--node-data", "/nonexistent", "--root-secret-key", "short"],
        ["serve", "--peer-secret", needles["the cluster secret"], "--nonsense"],
        ["key", "list", "--admin", f"127.0.0.1:{cluster.peer_port(1) - 1}"],
    ):
        result = cluster.run(*arguments, check=False)
        hay.add(f"output of {arguments[0]}", result.stdout + result.stderr)
    crash(cluster, 2, signal.SIGSEGV)
    crash(cluster, 3, signal.SIGABRT)
    own = []
    for file in sorted(cluster.directory.rglob("*")):
        if file.is_file() and "data" not in file.relative_to(cluster.directory).parts:
            data = file.read_bytes()
            if any(secret.encode() in data for secret in needles.values()):
                own.append(file)
                assert file.stat().st_mode & 0o077 == 0, f"{file} can be read by others"
            else:
                hay.add(str(file), data)
    assert not any("log" in file.name for file in own), own
    assert hay.search(needles) == []
    # The search finds what is there.
    hay.add("a line", f'{{"x": "{base64.b64encode(b"root:" + token.encode()).decode()}"}}')
    assert hay.search(needles) == ["the admin token in a line"]
    assert len(hay.seen) > 100
