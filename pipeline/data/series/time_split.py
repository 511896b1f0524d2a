"""Splits by time: training before validation before test, with gaps between them.

In: fractions and folds of `data.split`, and positions on a grid of time. Out: the
split of each example. An example belongs to a split if all its targets do; between the
targets of two splits lies a gap. Folds are rolling backtests: the test splits of all
folds follow each other at the end, and each fold trains on all that is before it
(Tashman, Out-of-Sample Tests of Forecasting Accuracy, 2000).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.core.errors import UserError
from pipeline.data.split import SPLITS
from pipeline.data.split_params import SplitParams


@dataclass(frozen=True)
class TimeCuts:
    """Where the targets of each split may lie, on a grid of time.

    Args:
        train: end of the training targets.
        validation: first and end of the validation targets.
        test: first and end of the test targets.
    """

    train: int
    validation: tuple[int, int]
    test: tuple[int, int]

    def splits(self, first: np.ndarray, horizon: int) -> np.ndarray:
        """Return the number of the split of each example, -1 for none, `(n,)`.

        Args:
            first: position of the first target of each example, `(n,)`.
            horizon: steps that are predicted.
        """
        end, numbers = first + horizon, np.full(len(first), -1)
        numbers[end <= self.train] = 0
        for number, (begin, stop) in enumerate((self.validation, self.test), 1):
            numbers[(first >= begin) & (end <= stop)] = number
        return numbers


def cuts(params: SplitParams, begin: int, end: int, horizon: int, gap: int) -> TimeCuts:
    """Divide a range of time.

    Args:
        params: fractions of `train`, `validation` and `test`, or folds.
        begin: first position.
        end: position after the last one.
        horizon: steps that are predicted.
        gap: steps between the targets of two splits.

    Raises:
        UserError: when a split is too short for one example.
    """
    steps = end - begin
    first = begin + round(params.train * steps)
    second = begin + round((params.train + params.validation) * steps)
    last = end
    if params.folds:
        size = steps // (params.folds + 1)
        last = end - (params.folds - 1 - params.fold) * size
        second = last - size
        kept = params.train / (params.train + params.validation)
        first = begin + round(kept * (second - begin))
    elif not params.test:
        second = end
    ranges = [(begin, first), (first + gap, second), (second + gap, last)]
    for name, (low, high) in zip(SPLITS, ranges):
        if high - low < horizon and (name != "test" or params.test or params.folds):
            raise UserError(
                f"data.split: {max(0, high - low):,} steps of time are left for "
                f"{name}, and one example predicts {horizon:,}; of {steps:,} steps, a "
                f"gap of {gap:,} lies before validation and before test: give more "
                "rows, other fractions, fewer folds, or a shorter data.series.horizon "
                "or gap"
            )
    return TimeCuts(first, ranges[1], ranges[2])


def rolling(
    first: np.ndarray, horizon: int, gap: int, count: int
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Divide examples into rolling backtests, each trained on all that is before it.

    Args:
        first: position of the first target of each example, `(n,)`.
        horizon: steps that are predicted.
        gap: steps between training and held-out targets.
        count: number of backtests.

    Returns:
        Positions of the training and of the held-out examples, per backtest.

    Raises:
        UserError: when a backtest has no example.
    """
    begin, end = int(first.min()), int(first.max()) + horizon
    size = (end - begin) // (count + 1)
    pairs = []
    for number in range(count):
        start = end - (count - number) * size
        fitted = np.flatnonzero(first + horizon <= start - gap)
        later = (first >= start) & (first + horizon <= start + size)
        pairs.append((fitted, np.flatnonzero(later)))
    if not all(len(fitted) and len(held_out) for fitted, held_out in pairs):
        raise UserError(
            f"train.folds {count}: {end - begin:,} steps of time are too few for as "
            f"many backtests of at least {horizon:,} steps; use fewer folds"
        )
    return pairs
