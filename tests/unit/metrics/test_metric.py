"""What a metric says of differences, in both directions."""

from __future__ import annotations

import pytest

from pipeline.metrics.metric import Metric

ACCURACY = Metric(
    "accuracy", "accuracy", change_unit="points", scale=100.0, highest=1.0
)
MAE = Metric("mae", "MAE", higher_is_better=False)


@pytest.mark.parametrize(
    ("metric", "worse", "better"), [(ACCURACY, 0.8, 0.9), (MAE, 3.0, 2.5)]
)
def test_a_drop_is_positive_where_the_value_is_worse(metric, worse, better):
    assert metric.drop(worse, baseline=better) > 0 > metric.drop(better, worse)
    assert metric.merit(better) > metric.merit(worse)
    drop = metric.drop(worse, better)
    assert metric.difference(drop) == pytest.approx(worse - better)
    assert metric.bound(better, drop) == pytest.approx(worse)


@pytest.mark.parametrize("metric", [ACCURACY, MAE])
def test_an_interval_of_drops_becomes_one_of_differences_in_order(metric):
    low, high = metric.differences([-0.1, 0.3])
    assert low < high
    assert {low, high} == {metric.difference(-0.1), metric.difference(0.3)}


def test_texts_have_a_sign_a_unit_and_no_minus_zero():
    assert ACCURACY.change(-0.0123) == "-1.2 points"
    assert ACCURACY.number(0.0123, 2) == "+1.23"
    assert MAE.change(-0.0123) == "-0.012 MAE"
    assert MAE.amount(0.01) == "0.010 MAE"
    assert ACCURACY.number(-0.00001) == "+0.0"
    assert (ACCURACY.title, MAE.unit) == ("Accuracy", "MAE")
