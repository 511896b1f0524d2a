"""Fixtures of this package's tests."""

from tests.helpers.compress_fixtures import *  # noqa: F403
