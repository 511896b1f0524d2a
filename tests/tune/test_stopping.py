"""The bar that a trial must reach, from curves of earlier trials."""

from __future__ import annotations

import pytest

from pipeline.tune.early_termination import Past, bars

GOOD = Past([0.1, 0.5, 0.6, 0.7, 0.8, 0.9])
FAIR = Past([0.2, 0.4, 0.3, 0.5, 0.5, 0.5])
POOR = Past([0.1, 0.1, 0.1, 0.1, 0.1, 0.1])
SHORT = Past([0.3, 0.4])  # ended by itself: it stays at 0.4
CUT = Past([0.0, 0.05], stopped=True)

CASES = [
    ("none", [GOOD, FAIR, POOR], [None] * 6),
    ("median", [GOOD, FAIR], [None] * 6),
    ("median", [GOOD, FAIR, POOR], [None, 0.4, 0.4, 0.5, 0.5, None]),
    ("median", [GOOD, FAIR, SHORT], [None, 0.4, 0.4, 0.5, 0.5, None]),
    ("median", [GOOD, FAIR, CUT], [None, 0.4, None, None, None, None]),
    ("halving", [GOOD, FAIR, POOR], [None, 0.5, None, None, None, None]),
    ("halving", [GOOD, GOOD, FAIR, FAIR, POOR, CUT], [None, 0.5] + [None] * 4),
]


@pytest.mark.parametrize(("rule", "past", "expected"), CASES)
def test_the_bar_of_each_epoch(rule, past, expected):
    assert bars(rule, past, 6) == expected


def test_halving_judges_at_a_third_and_a_ninth():
    past = [Past([at / 30 for at in range(27)])] * 3
    judged = [at + 1 for at, bar in enumerate(bars("halving", past, 27)) if bar]
    assert judged == [3, 9]  # and at the first, where the bar is 0
    assert bars("halving", past, 27)[0] == 0
