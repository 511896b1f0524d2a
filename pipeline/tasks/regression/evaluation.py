"""Evaluation of regression: errors of predicted numbers, in the unit of the data.

In: true and predicted numbers `(n,)` in the unit of the data. Out: a row of
evaluation.json.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from pipeline.metrics import bootstrap
from pipeline.tasks.evaluation import (
    Change,
    Comparison,
    Context,
    Evaluator,
    Model,
    Point,
    as_row,
    changes_of,
)
from pipeline.tasks.regression.metric import METRIC
from pipeline.tasks.spec import TaskSpec


@dataclass(frozen=True)
class Numbers:
    """True and predicted numbers of one file, in the unit of the data.

    Args:
        y: true numbers, `(n,)`.
        predicted: predicted numbers, `(n,)`.
    """

    y: np.ndarray
    predicted: np.ndarray

    @property
    def residual(self) -> np.ndarray:
        """True minus predicted numbers, `(n,)`: the evidence of R2."""
        return self.y - self.predicted


@dataclass(frozen=True)
class RegressionComparison(Comparison):
    """One file compared with the reference.

    Args:
        r2: coefficient of determination.
        r2_interval: bootstrap interval; None where it is undefined.
        drop: R2 lost against the reference.
        drop_interval: paired bootstrap interval of the drop.
        mae: mean absolute error, in the unit of the data.
        rmse: root mean squared error, in the unit of the data.
        change: `mae` and `rmse` -> file minus reference.
    """

    r2: float
    r2_interval: list[float] | None
    drop: float
    drop_interval: list[float] | None
    mae: float
    rmse: float
    change: Mapping[str, Change]


def read_numbers(y: np.ndarray, outputs: np.ndarray, spec: TaskSpec) -> Numbers:
    """Convert stored targets and outputs to the unit of the data.

    Args:
        y: standardized targets, `(n,)`.
        outputs: outputs of a model, `(n, 1)`.
        spec: signature, with mean and standard deviation of the target.
    """
    mean, deviation = spec.target["mean"], spec.target["deviation"]
    columns = (np.float64(values).reshape(len(y)) for values in (y, outputs))
    return Numbers(*(values * deviation + mean for values in columns))


def mae(y: np.ndarray, predicted: np.ndarray) -> float:
    """Compute the mean absolute error, in the unit of `y`."""
    return float(np.abs(y - predicted).mean())


def rmse(y: np.ndarray, predicted: np.ndarray) -> float:
    """Compute the root mean squared error, in the unit of `y`."""
    return float(np.sqrt(np.mean((y - predicted) ** 2)))


def compare(
    before: Numbers, after: Numbers, resamples: int, seed: int
) -> RegressionComparison:
    """Compare a file with the reference.

    Args:
        before: numbers predicted by the reference.
        after: numbers predicted by the file, for the same examples.
        resamples: number of bootstrap resamples.
        seed: equal seeds draw equal examples.
    """
    y, residuals = after.y, (before.residual, after.residual)
    r2 = METRIC.value(after.residual, y)
    return RegressionComparison(
        r2=r2,
        r2_interval=METRIC.interval(after.residual, y, resamples, seed),
        drop=METRIC.value(before.residual, y) - r2,
        drop_interval=METRIC.drop_interval(*residuals, y, seed, resamples),
        mae=mae(y, after.predicted),
        rmse=rmse(y, after.predicted),
        change=_changes(before.residual, after.residual, resamples, seed),
    )


def _changes(
    before: np.ndarray, after: np.ndarray, resamples: int, seed: int
) -> dict[str, Change]:
    """Changes of the errors, from the residuals of both files."""
    statistics = {
        "mae": bootstrap.mean(np.abs(after) - np.abs(before)),
        "rmse": _root_change(before**2, after**2),
    }
    return changes_of(statistics, len(after), resamples, seed)


def _root_change(before: np.ndarray, after: np.ndarray) -> bootstrap.Statistic:
    """The change of the root mean squared error, from squared errors."""
    means = bootstrap.mean(before, after)

    def statistic(weights: np.ndarray) -> np.ndarray:
        roots = np.sqrt(means(weights))
        return roots[:, 1:] - roots[:, :1]

    return statistic


def _predict(context: Context, model: Model, point: Point) -> Numbers:
    outputs = model.logits(context.test.x)
    return read_numbers(context.test.y, outputs, context.data.spec)


EVALUATION = Evaluator(_predict, as_row(compare))
