"""Windows of series: inputs, targets and the steps at which an example can begin.

In: a series at equal steps. Out: arrays of its columns, and windows of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from pipeline.data.series.table import Series
from pipeline.data.sources.series_params import SeriesParams

Array = np.ndarray


@dataclass(frozen=True)
class Windows:
    """Inputs, targets and possible examples of one series.

    Args:
        series: the series.
        params: roles, window and horizon.
    """

    series: Series
    params: SeriesParams

    @cached_property
    def length(self) -> int:
        """Steps up to the last one with all targets; later rows are the future."""
        complete = ~np.isnan(self.targets).any(axis=1)
        return int(np.flatnonzero(complete).max(initial=-1)) + 1

    @property
    def targets(self) -> Array:
        """Columns to predict, `(steps, targets)`; NaN where missing."""
        return self.series.values[:, : len(self.params.targets)]

    @cached_property
    def inputs(self) -> Array:
        """Columns of the model's input, `(steps, inputs)`; NaN where missing."""
        params, values = self.params, self.series.values
        if params.gaps == "fill":
            values = filled(values)
        columns = dict(zip(params.names, values.T))
        for name, steps in params.delays.items():
            columns[name] = _shifted(columns[name], steps)
        ahead = [_shifted(columns[name], -params.horizon) for name in params.known]
        return np.stack([*columns.values(), *ahead], axis=1)

    @cached_property
    def first(self) -> Array:
        """Steps at which the targets of an example can begin, `(n,)`."""
        params, history = self.params, self.params.history
        steps = np.arange(history, self.length - params.ahead + 1, params.stride)
        # The known columns end with the horizon, so a window of them reaches to it.
        inputs = _count_missing(self.inputs, steps - history, steps)
        targets = _count_missing(self.targets, steps, steps + params.ahead)
        return steps[(inputs == 0) & (targets == 0)]

    def naive(self, first: Array) -> Array:
        """Return the same steps of the last season, `(n, horizon, targets)`."""
        params = self.params
        ahead = np.arange(params.horizon)
        seasons = ahead // params.season + 1
        steps = first[:, None] + (ahead - params.season * seasons)[None]
        return self.inputs[:, : len(params.targets)][steps]

    def scale(self, train_end: int) -> Array:
        """Return the mean error of the seasonal naive forecast in training.

        Hyndman, Koehler, Another Look at Measures of Forecast Accuracy, 2006.

        Args:
            train_end: position on the grid at which training ends.

        Returns:
            `(targets,)`; NaN without two seasons.
        """
        end = max(0, min(train_end - self.series.start, self.length))
        past = self.targets[:end]
        differences = np.abs(past[self.params.season :] - past[: -self.params.season])
        known = ~np.isnan(differences)
        total, count = np.where(known, differences, 0).sum(axis=0), known.sum(axis=0)
        return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def filled(values: Array) -> Array:
    """Fill missing numbers with the last one of their column.

    Args:
        values: `(steps, columns)`; NaN where missing, and before the first number.
    """
    present = np.where(np.isnan(values), 0, np.arange(1, len(values) + 1)[:, None])
    last = np.maximum.accumulate(present, axis=0)
    taken = np.take_along_axis(values, np.maximum(last - 1, 0), axis=0)
    return np.where(last > 0, taken, np.nan)


def windows_at(inputs: Array, first: Array, window: int) -> Array:
    """Return the rows before each step, float32 `(n, window, columns)`.

    Args:
        inputs: of one series, `(steps, columns)`.
        first: steps after the windows, `(n,)`.
        window: number of rows.
    """
    steps = first[:, None] + np.arange(-window, 0)[None]
    return inputs[steps].astype(np.float32)


def _shifted(column: Array, steps: int) -> Array:
    """Return a column `steps` later, NaN where that is outside."""
    out = np.full(len(column), np.nan)
    if steps >= 0:
        out[steps:] = column[: len(column) - steps]
    else:
        out[:steps] = column[-steps:]
    return out


def _count_missing(values: Array, begin: Array, end: Array) -> Array:
    """Count rows with a missing number in ranges of rows, `(n,)`."""
    missing = np.isnan(values).any(axis=1)
    total = np.concatenate([[0], np.cumsum(missing)])
    return total[end] - total[begin]
