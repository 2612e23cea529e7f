"""A pytest plugin: notes in the results which operations of S3 each test uses."""

import botocore.client
import pytest

SEEN = set()
CALL = botocore.client.BaseClient._make_api_call


def noting(self, operation, parameters):
    SEEN.add(operation)
    return CALL(self, operation, parameters)


botocore.client.BaseClient._make_api_call = noting


@pytest.fixture(autouse=True)
def operations(record_property):
    SEEN.clear()
    yield
    record_property("operations", ",".join(sorted(SEEN)))
