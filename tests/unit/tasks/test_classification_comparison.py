from __future__ import annotations

import numpy as np
import pytest

from pipeline.metrics.classification import in_top_k, mcnemar
from pipeline.tasks.classification.comparison import Predictions, compare

Y = np.array([0, 1, 2, 0, 1, 2, 0, 1, 2, 0])
BEFORE = np.array([0, 1, 2, 0, 1, 2, 0, 1, 0, 1])
AFTER = np.array([0, 1, 2, 0, 1, 1, 2, 1, 0, 0])


def _said(guess: np.ndarray, classes: int = 3, y: np.ndarray = Y) -> Predictions:
    return Predictions(y, 4 * np.eye(classes)[guess])


def _row(before: np.ndarray, after: np.ndarray) -> dict:
    return compare(_said(before), _said(after), resamples=200, seed=1).to_json()


def test_a_row_says_what_was_lost_and_what_was_won():
    row = _row(BEFORE, AFTER)
    assert row["accuracy"] == pytest.approx(0.7)
    assert row["drop"] == pytest.approx(0.1)
    assert (row["flips_worse"], row["flips_better"]) == (2, 1)
    assert row["agreement"] == pytest.approx(0.7)
    assert row["recall"] == [pytest.approx(3 / 4), 1.0, pytest.approx(1 / 3)]
    assert row["drop_interval"][0] < row["drop"] < row["drop_interval"][1]


def test_the_reference_loses_nothing_against_itself():
    row = _row(BEFORE, BEFORE)
    assert (row["drop"], row["drop_interval"]) == (0.0, [0.0, 0.0])
    assert (row["agreement"], row["kl"], row["mcnemar"]) == (1.0, 0.0, 1.0)
    assert all(
        change == {"value": 0.0, "interval": [0.0, 0.0]}
        for change in row["change"].values()
    )


def test_a_gain_is_a_negative_drop():
    row = _row(BEFORE, Y)
    assert row["drop"] == pytest.approx(-0.2)
    assert row["drop_interval"][1] <= 0


def test_the_worst_and_the_most_changed_class_are_named_by_number():
    row = _row(BEFORE, AFTER)
    assert (row["worst_class"], row["most_changed_class"]) == (2, 2)
    assert row["recall_change"][2]["value"] == pytest.approx(-1 / 3)
    assert row["recall_change"][1]["value"] == 0.0


def test_metrics_that_the_examples_cannot_tell_are_none():
    few = _row(BEFORE, AFTER)
    assert few["top5"] is None and "top5" not in few["change"]
    one = np.zeros(10, int)
    alone = compare(_said(one, y=one), _said(AFTER, y=one), 200, 1).to_json()
    assert alone["auc"] is None and "auc" not in alone["change"]
    assert alone["recall"][1:] == [None, None]
    assert alone["recall_change"][1:] == [None, None]


def test_top_5_counts_the_true_class_once_when_logits_are_equal():
    logits = np.zeros((7, 7))
    assert in_top_k(np.arange(7), logits).tolist() == [True] * 5 + [False] * 2
    row = compare(*[Predictions(np.arange(7), logits)] * 2, 200, 1)
    assert row.metrics.top5 == pytest.approx(5 / 7)


@pytest.mark.parametrize(
    ("worse", "better", "p"), [(0, 0, 1.0), (1, 0, 1.0), (5, 0, 0.0625), (9, 1, 0.0215)]
)
def test_mcnemar_is_exact(worse, better, p):
    assert mcnemar(worse, better) == pytest.approx(p, abs=1e-4)


def test_kl_is_zero_only_for_equal_distributions():
    before, after = _said(BEFORE), Predictions(Y, 2 * np.eye(3)[BEFORE])
    p, q = (np.exp(a) / (np.exp(a) + 2) for a in (4, 2))
    rest = [(1 - p) / 2, (1 - q) / 2]
    expected = p * np.log(p / q) + 2 * rest[0] * np.log(rest[0] / rest[1])
    assert compare(before, after, 100, 1).kl == pytest.approx(expected)
