"""Fixtures of this package's tests."""

from tests.helpers.tracking_fixtures import *  # noqa: F403
