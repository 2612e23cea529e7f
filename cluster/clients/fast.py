"""A client that costs little: one connection, requests signed by hand, for tests with many requests."""

import hashlib
import hmac
import socket
import time
from urllib.parse import quote

EMPTY = hashlib.sha256(b"").hexdigest()


def hmac_sha256(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


class Refused(Exception):
    """An answer that is no success."""

    def __init__(self, status, body):
        super().__init__(f"{status}: {body[:300]!r}")
        self.status = status


class FastClient:
    """Not for several threads at once. `keys` are those of `Cluster.keys()`."""

    def __init__(self, host, keys, timeout=30):
        self.host = host
        self.access_key = keys["AWS_ACCESS_KEY_ID"]
        self.secret_key = keys["AWS_SECRET_ACCESS_KEY"]
        self.region = keys["AWS_DEFAULT_REGION"]
        self.timeout = timeout
        self.day = self.signing_key = None
        self.socket = self.reader = None

    def close(self):
        if self.socket is not None:
            self.reader.close()
            self.socket.close()
        self.socket = None

    def connect(self):
        host, port = self.host.rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)), timeout=self.timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.reader = self.socket.makefile("rb", buffering=1 << 16)

    def put(self, bucket, key, body):
        self.request("PUT", f"/{bucket}/{quote(key)}", body=body)

    def get(self, bucket, key):
        return self.request("GET", f"/{bucket}/{quote(key)}")

    def copy(self, bucket, source, key, **headers):
        """Headers are written with underscores: x_triolet_copy_mode="independent"."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        named["x-amz-copy-source"] = f"/{bucket}/{quote(source)}"
        answer = self.request("PUT", f"/{bucket}/{quote(key)}", headers=named)
        if b"<CopyObjectResult" not in answer:
            raise Refused(200, answer)  # An answer that began before the copy had failed.

    def list(self, bucket, **parameters):
        return self.request("GET", f"/{bucket}", parameters)

    def request(self, method, path, parameters=None, body=b"", headers=None):
        """The body of the answer; raises `Refused`, and OSError if the connection fails."""
        query = "&".join(
            f"{quote(name, safe='')}={quote(value, safe='')}"
            for name, value in sorted((parameters or {}).items())
        )
        if self.socket is None:
            self.connect()
        try:
            self.socket.sendall(self.head(method, path, query, body, headers or {}) + body)
            return self.answer()
        except OSError:
            self.close()
            raise

    def head(self, method, path, query, body, more):
        now = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        digest = hashlib.sha256(body).hexdigest() if body else EMPTY
        named = {
            "host": self.host, "x-amz-content-sha256": digest, "x-amz-date": now, **more,
        }
        headers = ";".join(sorted(named))
        lines = "".join(f"{name}:{named[name]}\n" for name in sorted(named))
        canonical = f"{method}\n{path}\n{query}\n{lines}\n{headers}\n{digest}"
        scope = f"{now[:8]}/{self.region}/s3/aws4_request"
        text = f"AWS4-HMAC-SHA256\n{now}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
        if self.day != now[:8]:
            key = ("AWS4" + self.secret_key).encode()
            for part in (now[:8], self.region, "s3", "aws4_request"):
                key = hmac_sha256(key, part)
            self.day, self.signing_key = now[:8], key
        signature = hmac_sha256(self.signing_key, text).hex()
        written = "".join(f"{name}: {value}\r\n" for name, value in named.items())
        return (
            f"{method} {path}{'?' + query if query else ''} HTTP/1.1\r\n{written}"
            f"Authorization: AWS4-HMAC-SHA256 Credential={self.access_key}/{scope},"
            f"SignedHeaders={headers},Signature={signature}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        ).encode()

    def answer(self):
        line = self.reader.readline()
        if not line:
            raise ConnectionResetError("the connection was closed")
        status, length, is_chunked = int(line.split()[1]), 0, False
        while (line := self.reader.readline()) not in (b"\r\n", b""):
            name, value = line.split(b":", 1)
            if name.lower() == b"content-length":
                length = int(value)
            elif name.lower() == b"transfer-encoding":
                is_chunked = b"chunked" in value
        body = self.chunks() if is_chunked else self.exactly(length)
        if status >= 300:
            raise Refused(status, body)
        return body

    def chunks(self):
        body = b""
        while length := int(self.reader.readline().split(b";")[0], 16):
            body += self.exactly(length)
            self.reader.readline()
        self.reader.readline()
        return body

    def exactly(self, length):
        body = self.reader.read(length)
        if len(body) < length:
            raise ConnectionResetError("the answer broke off")
        return body
