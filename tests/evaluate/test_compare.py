from __future__ import annotations

import numpy as np
import pytest

from pipeline.evaluate.compare import Reference, compare

Y = np.array([0, 1, 2, 0, 1, 2, 0, 1, 2, 0])
BEFORE = np.array([0, 1, 2, 0, 1, 2, 0, 1, 0, 1])
AFTER = np.array([0, 1, 2, 0, 1, 1, 2, 1, 0, 0])


def test_a_row_says_what_was_lost_and_what_was_won():
    row = compare(Reference(Y, BEFORE, 3), AFTER, resamples=200, seed=1)
    assert row["accuracy"] == pytest.approx(0.7)
    assert row["drop"] == pytest.approx(0.1)
    assert (row["flips_worse"], row["flips_better"]) == (2, 1)
    assert row["agreement"] == pytest.approx(0.7)
    assert row["recall"] == [pytest.approx(3 / 4), 1.0, pytest.approx(1 / 3)]
    assert row["drop_interval"][0] < row["drop"] < row["drop_interval"][1]


def test_the_reference_loses_nothing_against_itself():
    row = compare(Reference(Y, BEFORE, 3), BEFORE, resamples=200, seed=1)
    assert (row["drop"], row["drop_interval"]) == (0.0, [0.0, 0.0])
    assert row["agreement"] == 1.0


def test_a_gain_is_a_negative_drop():
    row = compare(Reference(Y, BEFORE, 3), Y, resamples=200, seed=1)
    assert row["drop"] == pytest.approx(-0.2)
    assert row["drop_interval"][1] <= 0
