"""Errors of forecasts: the evidence of every metric of the task.

In: outputs `(n, horizon * count * levels)` and targets as stored. Out: per example four
numbers, averaged over its steps and series:

    mase      |error| / mean |error| of the seasonal naive forecast in training
              (Hyndman, Koehler, Another Look at Measures of Forecast Accuracy, 2006)
    smape     2 |error| / (|target| + |forecast|), 0 where both are 0
    pinball   mean over the levels of twice the pinball loss, scaled as MASE; of a
              single number it is MASE (Koenker, Bassett, Regression Quantiles, 1978)
    covered   fraction of the targets between the lowest and the highest level

Quantiles of one step that cross are sorted, which never makes them worse (Chernozhukov
et al., Quantile and Probability Curves without Crossing, 2010).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from pipeline.tasks.spec import TaskSpec
from pipeline.tasks.targets import SeriesColumns

MASE, SMAPE, PINBALL, COVERED = range(4)
MEDIAN = 0.5
TINY = 1e-9
Array = np.ndarray


@dataclass(frozen=True)
class Layout:
    """Meaning of outputs and targets of a data set.

    Args:
        spec: signature of the data.
    """

    spec: TaskSpec

    @cached_property
    def columns(self) -> SeriesColumns:
        """Columns of the stored targets."""
        target = self.spec.target
        return SeriesColumns(target["horizon"], len(target["names"]))

    @property
    def levels(self) -> tuple[float, ...]:
        """Quantile levels of the outputs; the median where one number is predicted."""
        return tuple(self.spec.target["quantiles"]) or (MEDIAN,)

    @property
    def median(self) -> int:
        """Position of the median among the levels."""
        return self.levels.index(MEDIAN)

    @property
    def deviation(self) -> Array:
        """Standard deviation of each target, `(count,)`."""
        return np.array(self.spec.target["deviation"], np.float64)

    @property
    def mean(self) -> Array:
        """Mean of each target, `(count,)`."""
        return np.array(self.spec.target["mean"], np.float64)

    def outputs(self, outputs: Array) -> Array:
        """Return outputs as float64 `(n, horizon, count, levels)`, levels ascending."""
        shape = (-1, self.columns.horizon, self.columns.count, len(self.levels))
        return np.sort(outputs.astype(np.float64).reshape(shape), axis=-1)

    def numbers(self, scaled: Array, level: Array) -> Array:
        """Convert outputs or stored targets to the unit of the data.

        Args:
            scaled: `(n, horizon, count)` or `(n, horizon, count, levels)`.
            level: of the anchor, `(n, count)`.
        """
        more = (1,) * (scaled.ndim - 3)
        center = (level + self.mean).reshape(-1, 1, self.columns.count, *more)
        return scaled * self.deviation.reshape(-1, *more) + center


def errors(layout: Layout, outputs: Array, y: Array) -> Array:
    """Return the mean errors of each example, float64 `(n, 4)`.

    Args:
        layout: of the data set.
        outputs: of a model, `(n, horizon * count * levels)`.
        y: targets as stored, `(n, columns)`.
    """
    steps = step_errors(layout, outputs, y)
    return steps.mean(axis=(1, 2))


def step_errors(layout: Layout, outputs: Array, y: Array) -> Array:
    """Return the errors of each step, float64 `(n, horizon, count, 4)`.

    Args:
        layout: of the data set.
        outputs: of a model, `(n, horizon * count * levels)`.
        y: targets as stored, `(n, columns)`.
    """
    y = y.astype(np.float64)
    columns, quantiles = layout.columns, layout.outputs(outputs)
    target, scale = columns.targets(y), columns.scale(y)[:, None]
    forecast = quantiles[..., layout.median]
    levels = np.array(layout.levels)
    excess = target[..., None] - quantiles
    pinball = 2 * np.maximum(levels * excess, (levels - 1) * excess).mean(axis=-1)
    inside = (quantiles[..., 0] <= target) & (target <= quantiles[..., -1])
    numbers = [layout.numbers(part, columns.level(y)) for part in (target, forecast)]
    size = np.abs(numbers[0]) + np.abs(numbers[1])
    smape = 2 * np.abs(numbers[0] - numbers[1]) / np.maximum(size, TINY)
    mase = np.abs(target - forecast) * scale
    return np.stack([mase, smape, pinball * scale, inside.astype(float)], axis=-1)
