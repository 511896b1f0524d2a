"""Vanishing gradients are reported in metrics and in the headline."""

from __future__ import annotations

import pytest

from pipeline.augment.artifact import write_policy
from pipeline.augment.policy import Policy
from pipeline.data.params import DataParams
from pipeline.data.stage import run as run_data
from pipeline.engine.stage import Inputs
from pipeline.tasks.registry import get
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
    monkeypatch.setattr(stage, "check_first", lambda check: check())
    write_best(tmp_path, Best("mlp", values, 0.5, 10, 0))
    inputs = {**{n: folders / n for n in ("data", "augment")}, "tune": tmp_path}
    (tmp_path / "out").mkdir()
    params = TrainParams(epochs=1)
    metrics = stage.run(params, Inputs(inputs, seed=1), tmp_path / "out")
    assert ("warnings" in metrics) == warns
    assert ("before training, gradients vanish" in metrics["headline"]) == warns
    if warns:
        assert "relu with he_normal" in metrics["warnings"][0]


def test_the_headline_summarizes_several_fits():
    runs = [
        {
            "best": {"val_accuracy": reached},
            "plain": {"val_accuracy": reached - 0.02},
            "examples": 30,
            "labelled": 10,
        }
        for reached in (0.5, 0.6)
    ]
    accuracy = get("classification").metric
    metrics = {
        "replicates": stage._spread(runs, accuracy),
        "cross_validation": stage._spread(runs, accuracy),
        "pseudo_labels": stage._pseudo_labels([1, 2], runs, accuracy),
    }
    assert stage._repeated_headline(metrics, accuracy) == (
        ", mean of 2 seeds 0.550 (0.000 to 1.000), mean of 2 folds 0.550 (0.000 to "
        "1.000), pseudo-label gain +2.0 points"
    )
    assert stage._repeated_headline({}, accuracy) == ""
    assert metrics["pseudo_labels"]["believed"] == [20, 20]
    assert metrics["pseudo_labels"]["examples"] == [30, 30]
