"""experiment.lock: one recording per environment, and back again."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.core.errors import UserError
from pipeline.engine.stage_record import fingerprint
from pipeline.reproduce.lock_file import MORE, read_lock, write_lock
from pipeline.reproduce.snapshot import Entry, Snapshot, nearest_recording
from tests.helpers.project import ROOT


def recording(model: str, bits: str, threads: int = 1) -> Snapshot:
    """One stage on one processor."""
    parts = {
        "params": {"epochs": 3},
        "settings": {"seed": 1, "threads": threads},
        "inputs": {"data": bits},
        "sources": {},
        "code": {"pipeline.train": "c"},
        "libraries": {"numpy": "2"},
    }
    environment = {
        "processor": {"model": model, "flags": "avx2"},
        "libraries": {"numpy": "2"},
        "pins": {"OMP_NUM_THREADS": str(threads)},
    }
    entry = Entry(fingerprint(parts), parts, {"a.npy": bits}, {"epochs": 3})
    return Snapshot("", {"train": entry}, environment, tolerance={"points": 3.0})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "experiment.lock"


def test_every_recording_is_read_back(path):
    written = [recording("intel", "1"), recording("amd", "2", threads=2)]
    write_lock(path, written)
    named = [replace(snapshot, name=str(path)) for snapshot in written]
    assert list(read_lock(path)) == named


def test_what_all_environments_share_stands_once(path):
    write_lock(path, [recording("intel", "1"), recording("amd", "2")])
    (added,) = json.loads(path.read_text())[MORE]
    assert set(added) == {"environment", "settings", "stages"}
    assert not {"params", "modules", "sources"} & set(added["stages"]["train"])


def test_a_lock_of_one_environment_is_as_it_always_was(path):
    write_lock(path, [recording("intel", "1")])
    assert MORE not in json.loads(path.read_text())
    (committed,) = read_lock(ROOT / "experiments" / "smoke" / "experiment.lock")
    assert len(committed.entries) == 8


def test_an_altered_recording_is_refused(path):
    write_lock(path, [recording("intel", "1"), recording("amd", "2")])
    lock = json.loads(path.read_text())
    lock[MORE][0]["stages"]["train"]["inputs"]["data"] = "3"
    path.write_text(json.dumps(lock))
    with pytest.raises(UserError, match="not a lock"):
        read_lock(path)


def test_the_nearest_environment_differs_in_the_fewest_facts():
    intel, amd = recording("intel", "1"), recording("amd", "2", threads=2)
    other = recording("amd", "3").environment
    assert nearest_recording([intel, amd], amd.environment) is amd
    assert nearest_recording([intel, amd], intel.environment) is intel
    assert (
        nearest_recording([intel, amd], other) is intel
    )  # the first of two equally near
