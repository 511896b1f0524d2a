"""How far predicted numbers are from the true ones, for `spec.task` "regression".

In: numbers `(n,)` in the unit of the data, true and predicted. Out: plain numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from pipeline.data.measure import MEASURES
from pipeline.data.spec import TaskSpec
from pipeline.resampling import (
    Measure,
    draws,
    drop_interval,
    intervals,
    mean_of,
    score_interval,
)
from pipeline.scores import NUMBERS


@dataclass(frozen=True)
class Numbers:
    """What one file predicted, and what was true, in the unit of the data, `(n,)`."""

    y: np.ndarray
    predicted: np.ndarray

    @property
    def residual(self) -> np.ndarray:
        """What is left of each number, `(n,)`: the evidence of R2."""
        return self.y - self.predicted


def read_numbers(y: np.ndarray, outputs: np.ndarray, spec: TaskSpec) -> Numbers:
    """The numbers that stored labels `(n,)` and outputs `(n, 1)` stand for."""
    mean, deviation = spec.target["mean"], spec.target["deviation"]
    both = (np.float64(each).reshape(len(y)) for each in (y, outputs))
    return Numbers(*(each * deviation + mean for each in both))


def mae(y: np.ndarray, predicted: np.ndarray) -> float:
    """Mean absolute error, in the unit of `y`."""
    return float(np.abs(y - predicted).mean())


def rmse(y: np.ndarray, predicted: np.ndarray) -> float:
    """Root of the mean squared error, in the unit of `y`."""
    return float(np.sqrt(np.mean((y - predicted) ** 2)))


def compare(
    before: Numbers, after: Numbers, resamples: int, seed: int
) -> dict[str, Any]:
    """A row of evaluation.json for `after`, measured against `before`.

    `drop` is what R2 has lost; a change is `after - before`, with its interval.
    """
    y, value = after.y, MEASURES[NUMBERS].value
    left = (before.residual, after.residual)
    r2 = value(after.residual, y)
    return {
        "r2": r2,
        "r2_interval": score_interval(NUMBERS, after.residual, y, resamples, seed),
        "drop": value(before.residual, y) - r2,
        "drop_interval": drop_interval(NUMBERS, *left, y, seed, resamples),
        "mae": mae(y, after.predicted),
        "rmse": rmse(y, after.predicted),
        "change": _changes(before, after, resamples, seed),
    }


def _changes(
    before: Numbers, after: Numbers, resamples: int, seed: int
) -> dict[str, Any]:
    left = (before.residual, after.residual)
    absolute = mean_of(np.abs(left[1]) - np.abs(left[0]))
    measures = {"mae": absolute, "rmse": _root_change(*(each**2 for each in left))}
    found = {}
    for name, measure in measures.items():
        weights = draws(len(after.y), resamples, seed)
        value = float(measure(np.ones((1, len(after.y))))[0, 0])
        found[name] = {"value": value, "interval": list(intervals(measure, weights)[0])}
    return found


def _root_change(before: np.ndarray, after: np.ndarray) -> Measure:
    both = mean_of(before, after)

    def measure(weights: np.ndarray) -> np.ndarray:
        roots = np.sqrt(both(weights))
        return roots[:, 1:] - roots[:, :1]

    return measure
