"""Fixtures of the client matrix."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from cluster import BINARY, started  # noqa: E402
from store import Store  # noqa: E402


@pytest.fixture(scope="session")
def secure_cluster(tmp_path_factory):
    """Three nodes that speak TLS, with a certificate by an authority of their own."""
    files = tmp_path_factory.mktemp("authority")
    command = [BINARY, "dev-cert", "--directory", str(files)]
    subprocess.run(command, check=True, capture_output=True)
    environment = {
        "TRIOLET_TLS_CERT": str(files / "cert.pem"), "TRIOLET_TLS_KEY": str(files / "key.pem"),
    }
    for cluster in started(tmp_path_factory.mktemp("secure"), environment=environment):
        cluster.authority = files / "ca.pem"
        yield cluster


@pytest.fixture(autouse=True, scope="session")
def no_configuration_of_the_user(tmp_path_factory):
    for name in list(os.environ):
        if name.startswith(("AWS_", "RCLONE_", "RESTIC_", "S3_", "TF_")):
            del os.environ[name]
    os.environ["AWS_CONFIG_FILE"] = os.environ["AWS_SHARED_CREDENTIALS_FILE"] = os.devnull


@pytest.fixture
def store(request, record_property):
    """Over HTTP, or what a test's parameter says."""
    scheme = getattr(request, "param", "http")
    cluster = request.getfixturevalue("secure_cluster" if scheme == "https" else "cluster")
    name = re.sub("[^a-z0-9]+", "-", request.node.name.removeprefix("test_").lower()).strip("-")
    authority = cluster.authority if scheme == "https" else None
    store = Store(cluster, name[:40], record_property, authority)
    yield store
    store.remove_buckets()


def installed(name):
    """The path of a program that pip has installed, or else of one of the system."""
    own = Path(sys.executable).parent / name
    found = str(own) if own.exists() else shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


@pytest.fixture
def program():
    return installed
