"""The kept experiments run through data and augment on the real sets."""

from __future__ import annotations

import os

import numpy as np
import pytest

from pipeline.augment.stage import run as run_augment
from pipeline.core.json_io import read_json
from pipeline.data.artifact import read_data
from pipeline.data.stage import run
from pipeline.engine.stage import Inputs
from pipeline.experiment.loader import read_experiment
from tests.helpers.cases import chosen
from tests.helpers.project import ROOT

ROOT = ROOT / "experiments"
REAL = {
    "digits": ((8, 8, 1), "image", 10, 1797),
    "fashion_mnist": ((28, 28, 1), "image", 10, 70_000),
    "letters": ((16,), "table", 26, 19_000),
    "sentiment": ((32,), "text", 3, 18_400),
    "spoken_digits": ((61, 40, 1), "audio", 10, 3000),
}


def test_every_kept_experiment_is_known_here():
    assert {path.parent.name for path in ROOT.glob("*/experiment.yaml")} >= set(REAL)


@pytest.mark.parametrize("name", chosen(REAL, ["digits", "letters"]))
def test_the_real_set_runs_through_data_and_augment(tmp_path, name):
    shared = os.environ.get("PIPELINE_SHARED_DATA")
    if name != "digits" and not shared:
        pytest.skip("PIPELINE_SHARED_DATA does not name a folder of real data sets")
    shape, modality, classes, minimum = REAL[name]
    experiment = read_experiment(ROOT / name)
    data, augment = tmp_path / "data", tmp_path / "augment"
    data.mkdir(), augment.mkdir()
    metrics = run(experiment.data, Inputs({}, seed=1), data)
    spec = read_data(data).spec
    assert (spec.shape, spec.modality, len(spec.classes)) == (shape, modality, classes)
    assert sum(metrics["examples"].values()) >= minimum
    assert metrics["shared_between_splits"] == 0
    with np.load(data / "splits.npz") as splits:
        hashes = [set(splits[f"{n}_hash"]) for n in ("train", "validation", "test")]
    assert sum(map(len, hashes)) == len(set.union(*hashes))
    assert not shared or shared not in (data / "spec.json").read_text()
    inputs = Inputs({"data": data}, seed=1)
    assert run_augment(experiment.augment, inputs, augment)["steps"] > 0
    assert inputs.volatile["images_per_second"] > 0
    assert (augment / "preview.png").read_bytes().startswith(b"\x89PNG")
    assert read_json(augment / "policy.json") == {"policy": experiment.augment.policy}
