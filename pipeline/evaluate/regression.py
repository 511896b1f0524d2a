"""How far predicted numbers are from the true ones, for `spec.task` "regression".

In: numbers `(n,)`, true and predicted. Out: plain numbers.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from pipeline.evaluate.resampling import Measure, draws, intervals, mean_of


def mae(y: np.ndarray, predicted: np.ndarray) -> float:
    """Mean absolute error, in the unit of `y`."""
    return float(np.abs(y - predicted).mean())


def rmse(y: np.ndarray, predicted: np.ndarray) -> float:
    """Root of the mean squared error, in the unit of `y`."""
    return float(np.sqrt(np.mean((y - predicted) ** 2)))


def compare(
    y: np.ndarray, before: np.ndarray, after: np.ndarray, resamples: int, seed: int
) -> dict[str, Any]:
    """MAE and RMSE of `after`, and their change against `before`, with intervals."""
    absolute = mean_of(np.abs(y - after) - np.abs(y - before))
    squared = _root_change((y - before) ** 2, (y - after) ** 2)
    values = {"mae": mae, "rmse": rmse}
    changes = {"mae": absolute, "rmse": squared}
    row: dict[str, Any] = {name: f(y, after) for name, f in values.items()}
    row["change"] = {
        name: {
            "value": values[name](y, after) - values[name](y, before),
            "interval": list(intervals(measure, draws(len(y), resamples, seed))[0]),
        }
        for name, measure in changes.items()
    }
    return row


def _root_change(before: np.ndarray, after: np.ndarray) -> Measure:
    both = mean_of(before, after)

    def measure(weights: np.ndarray) -> np.ndarray:
        roots = np.sqrt(both(weights))
        return roots[:, 1:] - roots[:, :1]

    return measure
