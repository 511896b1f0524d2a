"""Agreement with the float model, and how sure it is."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.compress.selection.budget import Limits
from pipeline.compress.selection.point import Point
from pipeline.metrics.intervals import binomial
from pipeline.tasks.agreement.metric import METRIC
from pipeline.tasks.agreement.task import TASK

X = np.zeros((4, 3), np.float32)


def test_scores_agree_where_the_largest_is_the_same():
    reference = np.array([[0.1, 0.9], [0.8, 0.2], [0.3, 0.7], [0.6, 0.4]])
    outputs = np.array([[1, 2], [2, 1], [2, 1], [2, 1]])
    assert METRIC.of(outputs, X, reference) == 0.75


def test_one_probability_agrees_on_its_side_of_a_half():
    reference = np.array([[0.1], [0.9], [0.4], [0.6]])
    assert METRIC.of(np.array([[0.4], [0.6], [0.6], [0.7]]), X, reference) == 0.75


def test_other_outputs_count_their_errors():
    reference = np.array([[-3.0], [3.0], [-3.0], [3.0]])
    assert METRIC.of(reference, X, reference) == 1.0
    assert METRIC.of(np.zeros((4, 1)), X, reference) == 0.0
    assert METRIC.of(X + 0.1, X, X) < 1.0  # a reconstruction, not scores


def test_twenty_agreements_are_no_proof_of_more():
    ones = np.ones(20)
    low, high = METRIC.drop_interval(ones, ones, ones, seed=1)
    assert low == 0 and high == pytest.approx(1 - 0.025 ** (1 / 20), abs=1e-6)


def test_the_exact_interval_is_that_of_clopper_and_pearson():
    assert binomial(3, 20) == pytest.approx((0.0321, 0.3789), abs=1e-4)


def test_the_budget_limits_the_agreement_itself():
    row = {"id": "a", "source": "baseline", "recipe": "int8", "status": "ok"}
    sizes = dict.fromkeys(("bytes_raw", "bytes_gzip", "bytes_flash"), 100)
    point = Point(
        **row,
        **sizes,
        metrics={"agreement": 1.0},
        drop=0.0,
        drop_interval=[0.0, 0.168],
    )
    assert Limits(0.01, metric=TASK.metric).excess(point) == 0
    assert Limits(0.01).excess(point) > 0
