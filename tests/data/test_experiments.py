"""The kept experiments run through data on the real sets."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from pipeline.config import load_experiment
from pipeline.data.artifact import read_data
from pipeline.data.stage import run
from pipeline.engine.stage import Inputs

ROOT = Path(__file__).parents[2] / "experiments"
REAL = {
    "digits": ((8, 8, 1), "image", 10, 1797),
    "fashion_mnist": ((28, 28, 1), "image", 10, 70_000),
    "letters": ((16,), "table", 26, 19_000),
    "sentiment": ((32,), "text", 3, 18_400),
    "spoken_digits": ((61, 40, 1), "audio", 10, 3000),
}


def test_every_kept_experiment_is_known_here():
    assert {path.parent.name for path in ROOT.glob("*/experiment.yaml")} >= set(REAL)


@pytest.mark.skipif(
    not os.environ.get("PIPELINE_SHARED_DATA"),
    reason="PIPELINE_SHARED_DATA does not name a folder of real data sets",
)
@pytest.mark.parametrize("name", REAL)
def test_the_real_set_is_read_and_split(tmp_path, name):
    shape, modality, classes, least = REAL[name]
    experiment = load_experiment(ROOT / name)
    metrics = run(experiment.data, Inputs({}, seed=1), tmp_path)
    spec = read_data(tmp_path).spec
    assert (spec.shape, spec.modality, len(spec.classes)) == (shape, modality, classes)
    assert sum(metrics["examples"].values()) >= least
    assert metrics["shared_between_splits"] == 0
    with np.load(tmp_path / "splits.npz") as splits:
        hashes = [set(splits[f"{n}_hash"]) for n in ("train", "validation", "test")]
    assert sum(map(len, hashes)) == len(set.union(*hashes))
    assert (
        os.environ["PIPELINE_SHARED_DATA"] not in (tmp_path / "spec.json").read_text()
    )
