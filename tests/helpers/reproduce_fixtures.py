"""A finished small experiment with its lock."""

from __future__ import annotations

import pytest


@pytest.fixture
def locked(copied):
    """A finished experiment of one's own, and its lock."""
    answer = copied.run("lock")
    assert answer.code == 0, answer.err
    return copied
