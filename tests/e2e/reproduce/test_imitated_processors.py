"""Smoke under settings that round as other processors do, against the committed lock.

The committed lock was made on one processor. Here oneDNN, NumPy, OpenBLAS, Eigen and
the C library choose the kernels and blocks of other ones, so that weights differ in
their last bits. Each run must be within tolerance, and each negative control not
reproduced. With `portability: portable` the bits must be equal.

One chain per setting, several minutes each: `pytest -m processors`.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from benchmarks import processors
from benchmarks.processors import SETTINGS, conclusion, of_another_processor
from pipeline.core.determinism import pins
from pipeline.experiment.stages import STAGES
from pipeline.reproduce.comparison_result import compare
from pipeline.reproduce.lock_file import read_lock
from pipeline.reproduce.snapshot import Snapshot, of_run
from tests.helpers.project import ROOT

pytestmark = pytest.mark.processors

SMOKE = ROOT / "experiments" / "smoke"


@dataclass(frozen=True)
class Imitated:
    """Smoke, run under one of the settings."""

    name: str
    folder: Path
    run: Snapshot
    lock: Snapshot


def smoke(root: Path, variables: dict[str, str], *options: str) -> Path:
    folder = root / "smoke"
    folder.mkdir(parents=True)
    shutil.copyfile(SMOKE / "experiment.yaml", folder / "experiment.yaml")
    processors.run(folder, variables, *options)
    return folder


@pytest.fixture(scope="module", params=SETTINGS)
def imitated(request, tmp_path_factory) -> Imitated:
    folder = smoke(tmp_path_factory.mktemp("imitated"), SETTINGS[request.param])
    run = of_run(folder, STAGES)
    recorded = read_lock(SMOKE / "experiment.lock")[0]
    return Imitated(request.param, folder, run, of_another_processor(recorded, run))


def test_it_is_within_tolerance(imitated):
    result = compare(imitated.lock, imitated.run)
    assert result.metrics.exceeded == []
    text = conclusion(imitated.lock, imitated.run)
    assert text.startswith(("within tolerance", "reproduced bit for bit")), text


def test_another_seed_code_library_or_example_is_not_reproduced(imitated):
    others = processors.controls(imitated.run, imitated.folder)
    assert set(others) == {"seed", "code", "library", "example"}
    verdicts = {name: conclusion(imitated.lock, run) for name, run in others.items()}
    assert all(text.startswith("NOT reproduced") for text in verdicts.values()), (
        verdicts
    )


@pytest.fixture(scope="module")
def portable(tmp_path_factory) -> Snapshot:
    folder = smoke(tmp_path_factory.mktemp("plain"), {}, "--set=portability=portable")
    return of_run(folder, STAGES)


@pytest.mark.parametrize("name", SETTINGS)
def test_portable_mode_computes_equal_bits(name, portable, tmp_path):
    """A setting changes what the pins leave free; what they fix stays as they say."""
    variables = {**SETTINGS[name], **pins(1, "portable")}
    folder = smoke(tmp_path, variables, "--set=portability=portable")
    result = compare(portable, replace(of_run(folder, STAGES), folder=portable.folder))
    assert result.equal
