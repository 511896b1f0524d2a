from __future__ import annotations

import numpy as np
import pytest

from pipeline.metrics import calibration


def _sample(count: int, sharpness: float, seed: int = 0):
    """Logits and classes drawn from softmax(logits); then made `sharpness` as sure."""
    draw = np.random.default_rng(seed)
    logits = 2 * draw.standard_normal((count, 5))
    p = np.exp(calibration.log_probabilities(logits))
    y = (p.cumsum(axis=1) < draw.random((count, 1))).sum(axis=1)
    return sharpness * logits, y


def test_a_model_that_means_what_it_says_has_almost_no_error():
    logits, y = _sample(20_000, 1.0)
    assert calibration.ece(calibration.log_probabilities(logits), y) < 0.02


def test_one_that_is_too_sure_has_one_and_temperature_mends_it():
    logits, y = _sample(20_000, 3.0)
    temperature = calibration.fit_temperature(logits, y)
    assert temperature == pytest.approx(3.0, rel=0.1)
    before = calibration.ece(calibration.log_probabilities(logits), y)
    after = calibration.ece(calibration.log_probabilities(logits, temperature), y)
    assert before > 0.1 and after < 0.02


def test_by_hand():
    log_p = np.log([[0.8, 0.2], [0.8, 0.2], [0.4, 0.6]])
    y = np.array([0, 1, 1])
    assert calibration.nll(log_p, y) == pytest.approx(-np.log([0.8, 0.2, 0.6]))
    assert calibration.brier(log_p, y) == pytest.approx([0.08, 1.28, 0.32])
    # bins: two of 0.8 of which one is right, one of 0.6 that is.
    assert calibration.ece(log_p, y) == pytest.approx((2 * 0.3 + 0.4) / 3)
    assert [row["count"] for row in calibration.reliability_diagram(log_p, y)] == [1, 2]


def test_full_confidence_has_a_bin():
    assert calibration.confidence_bin(np.array([1.0, 0.0])).tolist() == [14, 0]
