"""Gradients that do not arrive are told where a user looks."""

from __future__ import annotations

import pytest

from pipeline.augment.artifact import write_policy
from pipeline.augment.policy import Policy
from pipeline.data.params import DataParams
from pipeline.data.stage import run as run_data
from pipeline.engine.stage import Inputs
from pipeline.train import stage
from pipeline.train.params import TrainParams
from pipeline.tune.artifact import Best, write_best

DEEP = {"layers": 4, "depth": 3.0, "units": 16, "normalization": "none"}
SATURATED = {**DEEP, "activation": "sigmoid", "initializer": "random_normal"}


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("warnings")
    for name in ("data", "augment"):
        (root / name).mkdir()
    run_data(DataParams(source="sklearn:iris"), Inputs({}, seed=1), root / "data")
    write_policy(root / "augment", Policy("", 1))
    return root


@pytest.mark.parametrize(
    ("values", "warns"), [(SATURATED, True), ({"activation": "relu"}, False)]
)
def test_vanishing_gradients_are_in_metrics_and_headline(
    folders, tmp_path, monkeypatch, values, warns
):
    # one fit in this process, which has run TensorFlow and may not be forked
    monkeypatch.setattr(
        stage,
        "run_all",
        lambda tasks, *_: {name: task() for name, task in tasks.items()},
    )
    write_best(tmp_path, Best("mlp", values, 0.5, 10, 0))
    inputs = {**{n: folders / n for n in ("data", "augment")}, "tune": tmp_path}
    (tmp_path / "out").mkdir()
    params = TrainParams(epochs=1)
    told = stage.run(params, Inputs(inputs, seed=1), tmp_path / "out")
    assert ("warnings" in told) == warns
    assert ("before training, gradients vanish" in told["headline"]) == warns
    if warns:
        assert "relu with he_normal" in told["warnings"][0]
