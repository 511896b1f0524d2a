"""Fixtures of this package's tests."""

from tests.helpers.evaluate_fixtures import *  # noqa: F403
