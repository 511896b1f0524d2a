"""The paired interval of a drop."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.compress.interval import drop_interval


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
