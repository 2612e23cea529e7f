"""Requests whose every byte the test decides, and answers of which it sees every byte."""

import http.client
from urllib.parse import quote, unquote
from xml.etree import ElementTree

from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

NAMESPACE = "{http://s3.amazonaws.com/doc/2006-03-01/}"
SAFE = "-._~/"


class Answer:
    """`headers` have names in lower case; `body` are the bytes behind the head, chunks put together."""

    def __init__(self, response):
        self.status = response.status
        self.headers = {name.lower(): value for name, value in response.getheaders()}
        self.body = response.read()

    def __repr__(self):
        return f"{self.status} {self.headers} {self.body[:600]!r}"

    @property
    def root(self):
        assert self.body.startswith(b"<?xml"), self
        return ElementTree.fromstring(self.body)

    def texts(self, name):
        """What is in all elements of this name, with a namespace or without."""
        return [
            element.text or "" for element in self.root.iter()
            if element.tag.removeprefix(NAMESPACE) == name
        ]

    def text(self, name):
        texts = self.texts(name)
        assert len(texts) == 1, (name, texts, self)
        return texts[0]

    def succeeds(self, status=200):
        assert self.status == status, self
        return self

    def copied(self, root="CopyObjectResult"):
        """Looks whether it is the answer to a copy, and a success."""
        assert self.status == 200, self
        assert self.root.tag == NAMESPACE + root, self
        return self

    def fails(self, status, code, message=None, **elements):
        """Elements are those of the error document: Key="o", Condition="If-Match"."""
        assert self.status == status, self
        assert self.root.tag == "Error", f"an error has no namespace: {self}"
        assert b"xmlns" not in self.body, self
        assert self.text("Code") == code, self
        if message is not None:
            assert self.text("Message") == message, self
        for name, value in elements.items():
            assert self.text(name) == value, (name, self)
        return self

    @property
    def etag(self):
        """With its quotes, from the document or the header."""
        return self.headers.get("etag") or self.text("ETag")


class Raw:
    """One user's requests to one node. A connection for each: none is reused, so none breaks."""

    def __init__(self, host, access_key=None, secret_key=None, region="us-east-1"):
        self.host = host
        self.region = region
        self.credentials = Credentials(access_key, secret_key) if access_key else None

    def signed(self, method, target, headers, body, signer=S3SigV4Auth, **options):
        """The head of the request: target and headers. Nobody's requests are not signed."""
        request = AWSRequest(
            method, f"http://{self.host}{target}", headers={"Host": self.host} | headers, data=body
        )
        if self.credentials:
            signer(self.credentials, "s3", self.region, **options).add_auth(request)
        return request.url.removeprefix(f"http://{self.host}"), dict(request.headers)

    def send(self, method, target, headers=None, body=b"", unsigned=None, timeout=60):
        """Sends a request and returns the connection, of which nothing has been read.

        `target` is path and query as they go onto the wire; headers in `unsigned` are not covered by the signature.
        """
        target, signed = self.signed(method, target, headers or {}, body)
        return self.dispatch(method, target, signed | (unsigned or {}), body, timeout)

    def dispatch(self, method, target, headers, body=b"", timeout=60):
        connection = http.client.HTTPConnection(self.host, timeout=timeout)
        connection.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
        for name, value in headers.items():
            connection.putheader(name, value)
        if "Content-Length" not in headers:
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        return connection

    def request(self, method, target, headers=None, body=b"", **options):
        connection = self.send(method, target, headers, body, **options)
        try:
            return Answer(connection.getresponse())
        finally:
            connection.close()

    def presigned(self, method, target, headers, expires=60):
        """A target that carries the signature; the headers are signed as well, and have to be sent."""
        return self.signed(method, target, headers, b"", S3SigV4QueryAuth, expires=expires)[0]

    # Objects. Keys are given as they are; `query` as it is on the wire.

    def path(self, bucket, key="", query=""):
        path = f"/{bucket}/{quote(key, safe=SAFE)}" if key else f"/{bucket}"
        return path + (f"?{query}" if query else "")

    def get(self, bucket, key="", query="", **headers):
        return self.request("GET", self.path(bucket, key, query), named(headers))

    def head(self, bucket, key="", query="", **headers):
        return self.request("HEAD", self.path(bucket, key, query), named(headers))

    def put(self, bucket, key, body=b"", query="", **headers):
        return self.request("PUT", self.path(bucket, key, query), named(headers), body)

    def post(self, bucket, key, query, body=b"", **headers):
        return self.request("POST", self.path(bucket, key, query), named(headers), body)

    def delete(self, bucket, key="", query="", **headers):
        return self.request("DELETE", self.path(bucket, key, query), named(headers))

    def copy(self, source, bucket, key, query="", **headers):
        """`source` is the header as it goes onto the wire."""
        headers = named(headers) | {"x-amz-copy-source": source}
        return self.request("PUT", self.path(bucket, key, query), headers)

    # Multipart uploads

    def create_upload(self, bucket, key, **headers):
        answer = self.post(bucket, key, "uploads", **headers).succeeds()
        return answer.text("UploadId")

    def part(self, bucket, key, upload, number, body):
        return self.put(bucket, key, body, f"partNumber={number}&uploadId={upload}").succeeds()

    def copy_part(self, source, bucket, key, upload, number, **headers):
        return self.copy(source, bucket, key, f"partNumber={number}&uploadId={upload}", **headers)

    def complete(self, bucket, key, upload, etags, **headers):
        """`etags` by part numbers."""
        parts = "".join(
            f"<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>"
            for number, etag in sorted(etags.items())
        )
        body = f"<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>".encode()
        return self.post(bucket, key, f"uploadId={upload}", body, **headers)


def named(headers):
    """Headers are written with underscores, x_amz_acl="private"; those that have one are not needed."""
    return {name.replace("_", "-"): value for name, value in headers.items()}


def escaped(key):
    """As boto3, aws-cli, s3cmd and minio-py write a key in x-amz-copy-source."""
    return quote(key, safe=SAFE)


def unescaped(text):
    return unquote(text)
