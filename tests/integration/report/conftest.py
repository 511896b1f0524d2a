"""Fixtures of this package's tests."""

from tests.helpers.report_fixtures import *  # noqa: F403
