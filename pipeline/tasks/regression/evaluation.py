"""Errors of predicted numbers, in the unit of the data.

In: numbers `(n,)` in the unit of the data, true and predicted. Out: plain numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from pipeline.metrics.bootstrap import Statistic, draws, intervals, mean_of
from pipeline.tasks.evaluation import Context, Evaluator, Model, Point
from pipeline.tasks.regression.metric import METRIC
from pipeline.tasks.spec import TaskSpec


@dataclass(frozen=True)
class Numbers:
    """True and predicted numbers of one file, in the unit of the data, `(n,)`."""

    y: np.ndarray
    predicted: np.ndarray

    @property
    def residual(self) -> np.ndarray:
        """True minus predicted numbers, `(n,)`: the evidence of R2."""
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
    """A row of evaluation.json for `after`, compared with `before`.

    `drop` is the loss of R2; a change is `after - before`, with its interval.
    """
    y, residuals = after.y, (before.residual, after.residual)
    r2 = METRIC.value(after.residual, y)
    return {
        "r2": r2,
        "r2_interval": METRIC.interval(after.residual, y, resamples, seed),
        "drop": METRIC.value(before.residual, y) - r2,
        "drop_interval": METRIC.drop_interval(*residuals, y, seed, resamples),
        "mae": mae(y, after.predicted),
        "rmse": rmse(y, after.predicted),
        "change": _changes(before, after, resamples, seed),
    }


def _changes(
    before: Numbers, after: Numbers, resamples: int, seed: int
) -> dict[str, Any]:
    residuals = (before.residual, after.residual)
    absolute = mean_of(np.abs(residuals[1]) - np.abs(residuals[0]))
    squares = (numbers**2 for numbers in residuals)
    statistics = {"mae": absolute, "rmse": _root_change(*squares)}
    changes = {}
    for name, statistic in statistics.items():
        weights = draws(len(after.y), resamples, seed)
        value = float(statistic(np.ones((1, len(after.y))))[0, 0])
        (ends,) = intervals(statistic, weights)
        changes[name] = {"value": value, "interval": ends and list(ends)}
    return changes


def _root_change(before: np.ndarray, after: np.ndarray) -> Statistic:
    both = mean_of(before, after)

    def statistic(weights: np.ndarray) -> np.ndarray:
        roots = np.sqrt(both(weights))
        return roots[:, 1:] - roots[:, :1]

    return statistic


def _predict(context: Context, model: Model, point: Point) -> Numbers:
    outputs = model.logits(context.test.x)
    return read_numbers(context.test.y, outputs, context.data.spec)


EVALUATION = Evaluator(_predict, compare)
