"""Smoke under settings that round as other processors do, against the committed lock.

The committed lock was made on one processor. Here oneDNN, NumPy, OpenBLAS and the C
library choose the kernels of other ones, so that weights differ in their last bits.
Each run must be within tolerance, and each negative control not reproduced.

One chain per setting, several minutes each: `pytest -m processors`.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from pipeline.core.hashing import hash_file
from pipeline.experiment.stages import STAGES
from pipeline.reproduce.comparison_result import compare, verdict
from pipeline.reproduce.lock_file import read_lock
from pipeline.reproduce.snapshot import Entry, Snapshot, of_run
from tests.helpers.project import ROOT

pytestmark = pytest.mark.processors

SMOKE = ROOT / "experiments" / "smoke"
THREADS = ("TF_NUM_INTRAOP_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")
SETTINGS = {
    "oneDNN on": {"TF_ENABLE_ONEDNN_OPTS": "1"},
    "oneDNN off": {"TF_ENABLE_ONEDNN_OPTS": "0"},
    "oneDNN up to SSE4.1": {"ONEDNN_MAX_CPU_ISA": "SSE41"},
    "libraries up to SSE4.2": {
        "NPY_DISABLE_CPU_FEATURES": "X86_V3",
        "OPENBLAS_CORETYPE": "Nehalem",
        "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX2,-FMA",
    },
    "two threads": dict.fromkeys(THREADS, "2"),
}


@dataclass(frozen=True)
class Imitated:
    """Smoke, run under one of the settings."""

    name: str
    folder: Path
    run: Snapshot
    lock: Snapshot


@pytest.fixture(scope="module", params=SETTINGS)
def imitated(request, tmp_path_factory) -> Imitated:
    folder = tmp_path_factory.mktemp("imitated") / "smoke"
    folder.mkdir()
    shutil.copyfile(SMOKE / "experiment.yaml", folder / "experiment.yaml")
    call = [sys.executable, "-m", "pipeline", "run", "--exp", "smoke"]
    path = os.pathsep.join(
        [
            str(ROOT),
            str(ROOT / "tests" / "helpers" / "reproduce" / "imitated_processor"),
        ]
    )
    variables = json.dumps(SETTINGS[request.param])
    done = subprocess.run(
        [*call, "--root", str(folder.parent)],
        env={**os.environ, "PYTHONPATH": path, "IMITATED_PROCESSOR": variables},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=1800,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return Imitated(request.param, folder, of_run(folder, STAGES), committed(folder))


def committed(folder: Path) -> Snapshot:
    """The committed lock as one of another processor, on whatever machine this is."""
    lock = read_lock(SMOKE / "experiment.lock")[0]
    environment = of_run(folder, STAGES).environment
    processor = {**environment["processor"], "model": "of the lock"}
    return replace(lock, environment={**environment, "processor": processor})


def conclusion(before: Snapshot, after: Snapshot) -> str:
    return verdict(compare(before, after))[-1].removeprefix("verdict     ")


def test_it_is_within_tolerance(imitated):
    result = compare(imitated.lock, imitated.run)
    assert result.metrics.exceeded == []
    text = conclusion(imitated.lock, imitated.run)
    assert text.startswith(("within tolerance", "reproduced bit for bit")), text


def changed(run: Snapshot, stage: str, change: Callable[[Entry], Entry]) -> Snapshot:
    return replace(run, entries={**run.entries, stage: change(run.entries[stage])})


def with_parts(run: Snapshot, key: str, values: dict) -> Snapshot:
    """The run as it would be published with other values in every fingerprint."""
    for stage in run.entries:
        parts = run.entries[stage].parts
        updated = {**parts, key: {**parts[key], **values}}
        run = changed(run, stage, lambda e, updated=updated: replace(e, parts=updated))
    return run


def test_another_seed_is_not_reproduced(imitated):
    other = with_parts(imitated.run, "settings", {"seed": 2})
    assert conclusion(imitated.lock, other).startswith("NOT reproduced")


def test_one_line_of_code_is_not_reproduced(imitated):
    other = with_parts(imitated.run, "code", {"pipeline.core.determinism": "0" * 64})
    assert conclusion(imitated.lock, other) == "NOT reproduced"


def test_another_version_of_an_imported_library_is_not_reproduced(imitated):
    libraries = {**imitated.run.environment["libraries"], "numpy": "1.0"}
    other = with_parts(imitated.run, "libraries", {"numpy": "1.0"})
    other = replace(other, environment={**other.environment, "libraries": libraries})
    assert conclusion(imitated.lock, other) == "NOT reproduced"


def test_one_pixel_is_not_reproduced(imitated, tmp_path):
    """The data stage hashes raw examples: the hash of one of them is another."""
    path = imitated.folder / "data" / "splits.npz"
    with np.load(path) as arrays:
        splits = {name: arrays[name].copy() for name in arrays.files}
    splits["train_hash"][5] = b"0" * len(splits["train_hash"][5])
    np.savez(tmp_path / "splits.npz", **splits)
    outputs = {"splits.npz": hash_file(tmp_path / "splits.npz")}
    other = changed(
        imitated.run, "data", lambda e: replace(e, outputs={**e.outputs, **outputs})
    )
    assert conclusion(imitated.lock, other) == "NOT reproduced"
