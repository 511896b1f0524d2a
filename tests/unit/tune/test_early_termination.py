"""The thresholds that a trial must reach, from curves of earlier trials."""

from __future__ import annotations

import pytest

from pipeline.tune.early_termination import EarlierTrial, pruning_thresholds

GOOD = EarlierTrial([0.1, 0.5, 0.6, 0.7, 0.8, 0.9])
FAIR = EarlierTrial([0.2, 0.4, 0.3, 0.5, 0.5, 0.5])
POOR = EarlierTrial([0.1, 0.1, 0.1, 0.1, 0.1, 0.1])
SHORT = EarlierTrial([0.3, 0.4])  # ended by itself: it stays at 0.4
CUT = EarlierTrial([0.0, 0.05], stopped=True)

CASES = [
    ("none", [GOOD, FAIR, POOR], [None] * 6),
    ("median", [GOOD, FAIR], [None] * 6),
    ("median", [GOOD, FAIR, POOR], [None, 0.4, 0.4, 0.5, 0.5, None]),
    ("median", [GOOD, FAIR, SHORT], [None, 0.4, 0.4, 0.5, 0.5, None]),
    ("median", [GOOD, FAIR, CUT], [None, 0.4, None, None, None, None]),
    ("halving", [GOOD, FAIR, POOR], [None, 0.5, None, None, None, None]),
    ("halving", [GOOD, GOOD, FAIR, FAIR, POOR, CUT], [None, 0.5] + [None] * 4),
]


@pytest.mark.parametrize(("rule", "earlier", "expected"), CASES)
def test_the_threshold_of_each_epoch(rule, earlier, expected):
    assert pruning_thresholds(rule, earlier, 6) == expected


def test_halving_decides_at_a_third_and_a_ninth():
    earlier = [EarlierTrial([epoch / 30 for epoch in range(27)])] * 3
    thresholds = pruning_thresholds("halving", earlier, 27)
    decisions = [epoch + 1 for epoch, value in enumerate(thresholds) if value]
    assert decisions == [3, 9]  # and at the first, where the threshold is 0
    assert thresholds[0] == 0
