from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import f1_score, recall_score, roc_auc_score

from pipeline.metrics import bootstrap, calibration
from pipeline.metrics.task_metrics import TaskMetric
from pipeline.tasks.registry import get

DRAW = np.random.default_rng(7)
Y = DRAW.integers(4, size=300)
LOGITS = np.round(2 * DRAW.standard_normal((300, 4)), 1)  # with ties
LOGITS[np.arange(300), Y] += 1
GUESS = LOGITS.argmax(axis=1)
WEIGHTS = np.concatenate(list(bootstrap.bootstrap_weights(300, 5, seed=3)))


def metric(task: str) -> TaskMetric:
    return get(task).part("metric")


def _auc(y, logits):
    return np.mean([roc_auc_score(y == c, logits[:, c]) for c in range(4)])


def _ece(y, logits):
    return calibration.ece(calibration.log_probabilities(logits), y)


LOG_P = calibration.log_probabilities(LOGITS)
CASES = {
    "auc": (bootstrap.macro_roc_auc(Y, LOGITS), _auc),
    "f1": (
        bootstrap.macro_f1(Y, GUESS, 4),
        lambda y, logits: f1_score(y, logits.argmax(1), average="macro"),
    ),
    "recall": (
        bootstrap.recall(Y, GUESS, 4),
        lambda y, logits: recall_score(y, logits.argmax(1), average=None),
    ),
    "ece": (
        bootstrap.calibration_error(
            calibration.confidence_bin(calibration.confidence(LOG_P)),
            calibration.confidence_gap(LOG_P, Y),
            calibration.BINS,
        ),
        _ece,
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_measure_of_weights_is_the_metric_of_the_repeated_examples(name):
    measure, metric = CASES[name]
    for weights, got in zip(WEIGHTS, measure(WEIGHTS), strict=True):
        at = np.repeat(np.arange(300), weights.astype(int))
        assert got == pytest.approx(np.ravel(metric(Y[at], LOGITS[at])))


def test_draws_are_the_same_however_many_fit_into_memory(monkeypatch):
    monkeypatch.setattr(bootstrap, "CHUNK", 600)
    pieces = list(bootstrap.bootstrap_weights(300, 5, seed=3))
    assert len(pieces) == 3
    assert np.array_equal(np.concatenate(pieces), WEIGHTS)
    assert (WEIGHTS.sum(axis=1) == 300).all()
    assert not np.array_equal(
        next(bootstrap.bootstrap_weights(300, 5, seed=4)), WEIGHTS
    )


def test_a_class_that_no_resample_is_sure_to_have_has_no_interval():
    y = np.array([0] * 30 + [1])
    measure = bootstrap.recall(y, y, 2)
    found = bootstrap.percentile_intervals(
        measure, bootstrap.bootstrap_weights(31, 200, 1)
    )
    assert found == [(1.0, 1.0), None]


@pytest.mark.parametrize("few", [2, 5])
def test_few_anomalies_have_an_interval_of_their_drop(few):
    """One draw of all examples alike would leave some resamples without any."""
    y = np.array([1] * few + [0] * 200)
    draw = np.random.default_rng(2)
    before, after = y + draw.normal(0, 0.1, y.size), y + draw.normal(0, 2, y.size)
    low, high = metric("anomaly_detection").drop_interval(before, after, y, seed=1)
    assert low < high and high > 0.05
    (weights,) = bootstrap.bootstrap_weights(y.size, 50, 1, y)
    assert (weights[:, :few].sum(axis=1) == few).all()


def test_an_interval_covers_the_true_mean_as_often_as_it_says():
    draw, covered = np.random.default_rng(0), 0
    for trial in range(100):
        values = draw.standard_normal(80) + 0.3
        measure = bootstrap.mean(values)
        ((low, high),) = bootstrap.percentile_intervals(
            measure, bootstrap.bootstrap_weights(80, 200, trial)
        )
        covered += low <= 0.3 <= high
    assert 86 <= covered <= 100
