from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import r2_score, roc_auc_score

from pipeline.data.spec import TaskSpec
from pipeline.tasks.anomaly_detection import evaluation as anomaly
from pipeline.tasks.regression import evaluation as regression

Y = np.linspace(0, 1, 200)
NOISE = np.random.default_rng(1).standard_normal(200) / 10


def test_errors_of_numbers_by_hand():
    y, predicted = np.array([0.0, 1.0, 2.0]), np.array([1.0, 1.0, 0.0])
    assert regression.mae(y, predicted) == 1.0
    assert regression.rmse(y, predicted) == pytest.approx(np.sqrt(5 / 3))


def numbers(noise: float) -> regression.Numbers:
    return regression.Numbers(Y, Y + noise * NOISE)


def test_numbers_are_those_of_the_data_again():
    target = {"name": "cost", "mean": 10.0, "deviation": 2.0}
    spec = TaskSpec("toy", "toy:toy", (1,), "float32", (), target=target)
    told = regression.read_numbers(np.array([0.0, 1.0]), np.array([[1.0], [2.0]]), spec)
    assert told.y.tolist() == [10, 12] and told.predicted.tolist() == [12, 14]


def test_a_worse_regression_is_told_with_an_interval_above_zero():
    row = regression.compare(numbers(1), numbers(2), 300, 1)
    for name in ("mae", "rmse"):
        low, high = row.change[name].interval
        assert 0 < low < row.change[name].value < high
    low, high = row.drop_interval
    assert 0 < low < row.drop < high
    low, high = row.r2_interval
    assert row.r2 == pytest.approx(r2_score(Y, Y + 2 * NOISE))
    assert low < row.r2 < high


def test_equal_regressions_have_no_change():
    row = regression.compare(numbers(1), numbers(1), 300, 1)
    assert row.to_json()["change"]["rmse"] == {"value": 0.0, "interval": [0.0, 0.0]}
    assert row.drop == 0.0 and row.drop_interval == [0.0, 0.0]


def test_a_worse_detector_is_told_with_an_interval_above_zero():
    odd = (Y > 0.5).astype(int)
    good, worse = anomaly.Errors(odd, Y), anomaly.Errors(odd, Y + 8 * NOISE, 0.75)
    row = anomaly.compare(good, worse, 300, 1)
    low, high = row.drop_interval
    assert 0 < low <= row.drop <= high
    assert row.auc == pytest.approx(roc_auc_score(odd, worse.error))
    called = worse.error > 0.75
    assert row.found == called[odd == 1].mean()
    assert row.false_alarms == called[odd == 0].mean()


def test_without_a_threshold_nothing_is_called_an_anomaly():
    row = anomaly.compare(*[anomaly.Errors(np.array([0, 1]), Y[:2])] * 2, 100, 1)
    assert row.threshold is row.found is row.false_alarms is None
