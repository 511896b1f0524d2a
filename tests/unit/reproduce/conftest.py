"""Fixtures of this package's tests."""

from tests.helpers.reproduce_fixtures import *  # noqa: F403
