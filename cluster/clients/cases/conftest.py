"""Fixtures of the acceptance cases."""

import os

import pytest
from world import World, cases_cluster


@pytest.fixture(scope="session")
def cases(tmp_path_factory):
    """The cluster of all cases but those that break it."""
    yield from cases_cluster(tmp_path_factory.mktemp("cases"))


@pytest.fixture(scope="module")
def broken(tmp_path_factory):
    """A cluster of a module's own, of which nodes may die."""
    yield from cases_cluster(tmp_path_factory.mktemp("broken"))


@pytest.fixture
def world(cases):
    return World(cases)


@pytest.fixture
def breakable(broken):
    return World(broken)


@pytest.fixture(autouse=True, scope="session")
def no_configuration_of_the_user(tmp_path_factory):
    os.environ["AWS_CONFIG_FILE"] = os.devnull
    os.environ["AWS_SHARED_CREDENTIALS_FILE"] = os.devnull
