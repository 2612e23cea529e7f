"""Fixtures: clusters that live as long as the tests need them."""

import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

# A proxy's certificates are no business of clients that talk to localhost.
for name in ("AWS_CA_BUNDLE", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE"):
    os.environ.pop(name, None)

from cluster import started  # noqa: E402


@pytest.fixture(scope="session")
def cluster(tmp_path_factory):
    """Three nodes, shared by the tests that leave them as they found them."""
    yield from started(tmp_path_factory.mktemp("shared"))


@pytest.fixture
def fresh_cluster(tmp_path):
    """Three nodes of the test's own."""
    yield from started(tmp_path / "fresh")
