"""The S3 port over TLS: clients, certificates that are replaced, and files that do not fit."""

import http.client
import os
import shutil
import socket
import ssl
import subprocess

import pytest
from boto3.s3.transfer import TransferConfig
from cluster import BINARY, content, started, wait_until

BUCKET = "tls"
MEBIBYTE = 1 << 20


def make_certificate(directory):
    subprocess.run(
        [BINARY, "dev-cert", "--directory", str(directory)], check=True, capture_output=True
    )
    return directory


@pytest.fixture(scope="module")
def secure(tmp_path_factory):
    files = make_certificate(tmp_path_factory.mktemp("certificate"))
    environment = {
        "TRIOLET_TLS_CERT": str(files / "cert.pem"),
        "TRIOLET_TLS_KEY": str(files / "key.pem"),
        "TRIOLET_TLS_RELOAD": "1s",
    }
    for cluster in started(tmp_path_factory.mktemp("tls"), environment=environment):
        cluster.files = files
        client(cluster, 1).create_bucket(Bucket=BUCKET)
        yield cluster


def client(cluster, node):
    return cluster.s3(node, authority=cluster.files / "ca.pem")


def handshake(cluster, node, authority):
    """The certificate that a new connection is shown, if it is signed by that authority."""
    context = ssl.create_default_context(cafile=str(authority))
    host, port = cluster.host(node).split(":")
    try:
        with socket.create_connection((host, int(port)), timeout=10) as plain:
            with context.wrap_socket(plain, server_hostname=host) as connection:
                return connection.getpeercert(binary_form=True)
    except ssl.SSLCertVerificationError:
        return None


def test_boto3_puts_copies_and_gets_over_tls_through_all_nodes(secure, tmp_path):
    body = content(1, 12 * MEBIBYTE + 1)
    (tmp_path / "file").write_bytes(body)
    for node in (1, 2, 3):
        s3 = client(secure, node)
        # Over TLS the SDK sends its checksum behind the body, and does not sign the body.
        s3.put_object(Bucket=BUCKET, Key=f"small{node}", Body=b"hello", ChecksumAlgorithm="CRC32")
        s3.upload_file(
            str(tmp_path / "file"),
            BUCKET,
            f"large{node}",
            Config=TransferConfig(multipart_threshold=5 * MEBIBYTE, multipart_chunksize=5 * MEBIBYTE),
        )
        s3.copy_object(Bucket=BUCKET, Key=f"copy{node}", CopySource=f"{BUCKET}/large{node}")
        other = client(secure, node % 3 + 1)
        assert other.get_object(Bucket=BUCKET, Key=f"small{node}")["Body"].read() == b"hello"
        assert other.get_object(Bucket=BUCKET, Key=f"copy{node}")["Body"].read() == body


def test_aws_cli_copies_moves_and_syncs_over_tls(secure, tmp_path):
    aws = shutil.which("aws", path=os.path.dirname(os.sys.executable)) or shutil.which("aws")
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)} | secure.keys()
    environment["AWS_CA_BUNDLE"] = str(secure.files / "ca.pem")
    (tmp_path / "tree" / "a").mkdir(parents=True)
    files = {"one": b"1", "a/two": content(2, 9 * MEBIBYTE)}
    for name, body in files.items():
        (tmp_path / "tree" / name).write_bytes(body)

    def run(*arguments):
        command = [aws, "--endpoint-url", f"https://{secure.host(2)}", "s3", *arguments]
        subprocess.run(command, env=environment, check=True, capture_output=True, timeout=120)

    run("sync", str(tmp_path / "tree"), f"s3://{BUCKET}/tree")
    run("cp", f"s3://{BUCKET}/tree/a/two", f"s3://{BUCKET}/copied")
    run("mv", f"s3://{BUCKET}/copied", f"s3://{BUCKET}/moved")
    run("sync", f"s3://{BUCKET}/tree", str(tmp_path / "back"))
    run("cp", f"s3://{BUCKET}/moved", str(tmp_path / "moved"))
    for name, body in files.items():
        assert (tmp_path / "back" / name).read_bytes() == body
    assert (tmp_path / "moved").read_bytes() == files["a/two"]


def test_nobody_is_served_in_the_clear(secure):
    host, port = secure.host(1).split(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=10)
    connection.request("GET", "/")
    with pytest.raises((http.client.HTTPException, OSError)):
        connection.getresponse()


def test_a_new_certificate_is_used_without_a_restart_and_a_wrong_one_is_not(secure):
    old = secure.files / "ca.pem"
    first = handshake(secure, 1, old)
    assert first
    pid = secure.pid(1)
    kept = secure.files / "kept.pem"
    shutil.copy(old, kept)

    # Half of a replacement: a certificate whose key is another one.
    other = make_certificate(secure.files / "other")
    shutil.copy(other / "cert.pem", secure.files / "cert.pem")
    wait_until(
        lambda: secure.total("triolet_tls_certificate_failures_total", [1]) > 0,
        "the node does not say that the files do not fit",
    )
    assert handshake(secure, 1, kept) == first

    # The other half.
    shutil.copy(other / "key.pem", secure.files / "key.pem")
    shutil.copy(other / "ca.pem", secure.files / "ca.pem")
    for node in (1, 2, 3):
        wait_until(
            lambda node=node: handshake(secure, node, secure.files / "ca.pem"),
            f"node {node} does not use the new certificate",
        )
        assert handshake(secure, node, kept) is None
    assert secure.pid(1) == pid
    client(secure, 1).put_object(Bucket=BUCKET, Key="after", Body=b"x")


def test_a_node_does_not_start_with_files_that_are_no_certificate_and_key(tmp_path):
    files = make_certificate(tmp_path)
    other = make_certificate(tmp_path / "other")

    def refused(certificate, key):
        result = subprocess.run(
            [BINARY, "serve", "--node-data", str(tmp_path / "data"), "--s3-listen", "127.0.0.1:0"]
            + ["--admin-listen", "127.0.0.1:0", "--peer-listen", "127.0.0.1:0"]
            + (["--tls-cert", str(certificate)] if certificate else [])
            + (["--tls-key", str(key)] if key else []),
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert result.returncode != 0
        return result.stderr

    assert "both, or neither" in refused(files / "cert.pem", None)
    assert "tls.cert" in refused(files / "cert.pem", other / "key.pem")
    assert "tls.cert" in refused(files / "none.pem", files / "key.pem")
    os.chmod(files / "key.pem", 0o644)
    assert "chmod 600" in refused(files / "cert.pem", files / "key.pem")
