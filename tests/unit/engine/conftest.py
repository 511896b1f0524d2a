"""Fixtures of this package's tests."""

from tests.helpers.engine_fixtures import *  # noqa: F403
