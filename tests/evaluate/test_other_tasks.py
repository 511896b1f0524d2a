from __future__ import annotations

import numpy as np
import pytest

from pipeline.evaluate import anomaly, regression

Y = np.linspace(0, 1, 200)
NOISE = np.random.default_rng(1).standard_normal(200) / 10


def test_errors_of_numbers_by_hand():
    y, predicted = np.array([0.0, 1.0, 2.0]), np.array([1.0, 1.0, 0.0])
    assert regression.mae(y, predicted) == 1.0
    assert regression.rmse(y, predicted) == pytest.approx(np.sqrt(5 / 3))


def test_a_worse_regression_is_told_with_an_interval_above_zero():
    row = regression.compare(Y, Y + NOISE, Y + 2 * NOISE, 300, 1)
    for name in ("mae", "rmse"):
        low, high = row["change"][name]["interval"]
        assert 0 < low < row["change"][name]["value"] < high


def test_equal_regressions_have_no_change():
    row = regression.compare(Y, Y + NOISE, Y + NOISE, 300, 1)
    assert row["change"]["rmse"] == {"value": 0.0, "interval": [0.0, 0.0]}


def test_what_is_rebuilt_badly_is_odd():
    given = np.zeros((4, 2, 2))
    error = anomaly.errors(given, given + np.array([0, 1, 2, 3])[:, None, None])
    assert error.tolist() == [0, 1, 4, 9]
    assert anomaly.reconstruction_auc(np.array([False, False, True, True]), error) == 1
    assert (
        anomaly.reconstruction_auc(np.array([True, False, False, True]), error) == 0.5
    )
    assert anomaly.reconstruction_auc(np.zeros(4, bool), error) is None


def test_a_worse_detector_is_told_with_an_interval_below_zero():
    odd = Y > 0.5
    row = anomaly.compare(odd, Y, Y + 8 * NOISE, 300, 1)
    low, high = row["change"]["auc"]["interval"]
    assert low <= row["change"]["auc"]["value"] <= high < 0
