"""A finished small experiment with its lock."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.helpers.project import Project


@pytest.fixture(scope="session")
def lock_file(finished, tmp_path_factory) -> Path:
    """The lock of the finished experiment, made once."""
    copy = Project(tmp_path_factory.mktemp("locked"))
    shutil.copytree(finished[0].folder / "experiments", copy.folder / "experiments")
    answer = copy.run("lock")
    assert answer.code == 0, answer.err
    return copy.small / "experiment.lock"


@pytest.fixture
def locked(copied, lock_file):
    """A finished experiment of one's own, and its lock."""
    shutil.copy(lock_file, copied.small)
    return copied
