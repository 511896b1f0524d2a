"""Fixtures of this package's tests."""

from tests.helpers.data_fixtures import *  # noqa: F403
