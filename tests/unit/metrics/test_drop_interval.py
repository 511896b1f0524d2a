"""The paired interval of a drop."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.metrics import bootstrap
from pipeline.metrics.task_metrics import TaskMetric
from pipeline.tasks.registry import get

Y = np.zeros(0)  # what is right says all of a classification
DRAW = np.random.default_rng(3)


def metric(task: str) -> TaskMetric:
    return get(task).part("metric")


def drop_interval(before, after, seed):
    return metric("classification").drop_interval(before, after, Y, seed)


def right(count: int, wrong: list[int]) -> np.ndarray:
    values = np.ones(count, np.int8)
    values[wrong] = 0
    return values


def test_equal_answers_leave_no_doubt():
    one = right(100, [3, 4])
    assert drop_interval(one, one, 1) == [0.0, 0.0]


def test_the_interval_is_that_of_the_flips_and_not_of_what_both_find_hard():
    easy = drop_interval(right(400, []), right(400, [1, 2, 3, 4]), 1)
    hard = drop_interval(
        right(400, list(range(100, 200))), right(400, [1, 2, 3, 4, *range(100, 200)]), 1
    )
    assert easy == hard
    low, high = easy
    assert low == pytest.approx(0.0025, abs=0.001) and high == pytest.approx(
        0.02, abs=0.002
    )


@pytest.mark.parametrize("seed", range(3))
def test_it_holds_the_normal_interval_where_there_are_many(seed):
    draw = np.random.default_rng(seed)
    before, after = (draw.uniform(size=5000) < p for p in (0.9, 0.88))
    lost = before.astype(int) - after.astype(int)
    middle, width = lost.mean(), 1.96 * lost.std() / np.sqrt(5000)
    wanted = (middle - width, middle + width)
    assert drop_interval(before, after, seed) == pytest.approx(wanted, abs=1e-3)


def test_what_is_not_known_has_none():
    assert drop_interval(None, right(3, []), 1) is None


def test_counting_flips_is_drawing_examples():
    before, after = (DRAW.uniform(size=500) < p for p in (0.95, 0.9))
    lost = before.astype(int) - after.astype(int)
    weights = bootstrap.bootstrap_weights(500, 4000, 1)
    (drawn,) = bootstrap.percentile_intervals(bootstrap.mean(lost), weights)
    assert drop_interval(before, after, 1) == pytest.approx(drawn, abs=0.005)


NUMBERS = DRAW.normal(size=300)
ODD = DRAW.integers(0, 2, 300)
CASES = {  # task -> labels, evidence of a good model, evidence of a worse one
    "regression": (NUMBERS, *(DRAW.normal(0, s, 300) for s in (0.3, 0.6))),
    "anomaly_detection": (ODD, *(s * ODD + DRAW.normal(size=300) for s in (3, 1))),
}


@pytest.mark.parametrize("task", CASES)
def test_a_score_of_weights_is_the_measure_of_the_repeated_examples(task):
    y, good, _ = CASES[task]
    weights = next(bootstrap.bootstrap_weights(300, 5, seed=3))
    for drawn, got in zip(weights, metric(task).resampled(good, y)(weights)):
        at = np.repeat(np.arange(300), drawn.astype(int))
        assert got == pytest.approx([metric(task).value(good[at], y[at])])


@pytest.mark.parametrize("task", CASES)
def test_a_worse_model_has_an_interval_above_zero_around_its_drop(task):
    y, good, worse = CASES[task]
    value = metric(task).value
    low, high = metric(task).drop_interval(good, worse, y, 1)
    assert 0 < low < value(good, y) - value(worse, y) < high
    assert metric(task).drop_interval(good, good, y, 1) == [0.0, 0.0]
    assert metric(task).drop_interval(good, worse, y, 1) == [low, high]


def test_one_anomaly_among_ten_is_in_every_resample():
    y = np.array([1] + [0] * 9)
    found, missed = np.r_[9.5, np.arange(9.0)], np.arange(10.0)
    low, high = metric("anomaly_detection").drop_interval(found, missed, y, 1)
    assert 0 < low <= high == 1


def test_what_resamples_leave_undefined_has_no_interval():
    y = np.array([1.0, 2.0, 2.0])
    left = np.array([0.1, 0.2, 0.3])
    assert metric("regression").drop_interval(left, left, y, 1) is None
