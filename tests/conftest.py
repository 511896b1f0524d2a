"""Fixtures for all tests: a small real experiment, driven by the real command line."""

from __future__ import annotations

import os
import re
import shutil
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest

from pipeline.core.garbage_collection import collect_rarely, pause_collection
from pipeline.engine import stage_process
from tests.helpers import warm
from tests.helpers.made_once import made_once
from tests.helpers.project import ROOT, SMALL, Answer, Project

__all__ = ["ROOT", "SMALL", "Answer", "Project"]  # the former place of these names

# What `make test` leaves in the environment: messages would name make's targets, and a
# make that a test starts would print which folder it enters.
for name in ("PIPELINE_MAKE", "PIPELINE_PROGRAM", "MAKEFLAGS", "MAKELEVEL", "MFLAGS"):
    os.environ.pop(name, None)
# A shell without a terminal ignores Ctrl-C for what it starts in the background, and
# the commands that the tests interrupt would inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection() -> None:
    """The modules of the tests are imported after this."""
    pause_collection()


def pytest_collection_finish() -> None:
    """All tests are imported."""
    collect_rarely()


@pytest.fixture
def own_modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A working directory whose modules are unloaded after the test."""
    monkeypatch.chdir(tmp_path)
    path = list(sys.path)
    yield tmp_path
    sys.path[:] = path
    for name, module in list(sys.modules.items()):
        if Path(getattr(module, "__file__", None) or "/").is_relative_to(tmp_path):
            del sys.modules[name]


@pytest.fixture(autouse=True)
def keras_names() -> Iterator[None]:
    """Names that a test registers with Keras are unknown to the next one."""
    keras = sys.modules.get("keras")
    names = keras.saving.get_custom_objects() if keras else {}
    before = dict(names)
    yield
    if names != before:
        names.clear()
        names.update(before)


@pytest.fixture
def forked_stages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stages that this process runs are forked from the warm parent."""
    monkeypatch.setattr(stage_process, "subprocess", stage_process.subprocess)
    warm.use_for_stages()


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A project with the experiment `small`; nothing has run."""
    fresh = Project(tmp_path)
    fresh.write(SMALL)
    return fresh


def _finish_small(folder: Path) -> list[str | int]:
    whole = Project(folder)
    whole.write(SMALL)
    answer = whole.run("run")
    return [answer.code, answer.out, answer.err]


@pytest.fixture(scope="session", autouse=True)
def finished_ahead(request: pytest.FixtureRequest) -> None:
    """Begin the chain of `finished` while tests run that do not need it."""
    needed = any("finished" in item.fixturenames for item in request.session.items)
    if needed and "PYTEST_XDIST_WORKER" in os.environ:
        factory = request.getfixturevalue("tmp_path_factory")
        arguments = (factory, "finished", _finish_small)
        Thread(target=made_once, args=arguments, daemon=True).start()


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, Answer]:
    """The experiment `small` after one run of the whole chain: read only.

    One worker makes it for all of them.
    """
    folder, answer = made_once(tmp_path_factory, "finished", _finish_small)
    return Project(folder), Answer(*answer)


@pytest.fixture
def copied(finished: tuple[Project, Answer], tmp_path: Path) -> Project:
    """A copy of the finished experiment, which the test may change."""
    shutil.copytree(finished[0].folder / "experiments", tmp_path / "experiments")
    return Project(tmp_path)


# Files of the first tier need no finished chain, those of the last are short: workers
# neither wait for a chain in the beginning nor for each other's last file at the end.
TIERS = ("integration", "e2e", "unit")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test with its tier, the folder below `tests`, and order by tiers."""
    folder = Path(__file__).parent
    tiers = {item: item.path.relative_to(folder).parts[0] for item in items}
    for item, tier in tiers.items():
        item.add_marker(getattr(pytest.mark, tier))
    items.sort(key=lambda item: TIERS.index(tiers[item]))
    _check_slow_is_told(items)


def _check_slow_is_told(items: list[pytest.Item]) -> None:
    """`make test-slow` only reads files that say `slow` or `chosen(`."""
    for path in {item.path for item in items if item.get_closest_marker("slow")}:
        if not re.search(r"slow|chosen\(", path.read_text()):
            raise pytest.UsageError(f"{path}: has slow tests without that word")
