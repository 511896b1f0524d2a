"""How well what a model rebuilds badly is what is odd, for `spec.task` "anomaly".

In: the error of each example, `(n,)`, and whether it is odd. Out: plain numbers.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from pipeline.evaluate.resampling import auc_of, draws, intervals
from pipeline.evaluate.statistics import auc


def errors(given: np.ndarray, rebuilt: np.ndarray) -> np.ndarray:
    """Mean squared error of each example, `(n,)`."""
    return ((given - rebuilt) ** 2).reshape(len(given), -1).mean(axis=1)


def reconstruction_auc(odd: np.ndarray, error: np.ndarray) -> float | None:
    """Area under the ROC curve of the error; None unless both kinds are there."""
    return auc(odd.astype(np.int64), np.stack([-error, error], axis=1))


def compare(
    odd: np.ndarray, before: np.ndarray, after: np.ndarray, resamples: int, seed: int
) -> dict[str, Any]:
    """The AUC of the errors `after`, and its change against `before`."""
    first, second = reconstruction_auc(odd, before), reconstruction_auc(odd, after)
    if first is None or second is None:
        return {"auc": None, "change": {"auc": None}}
    areas = [auc_of(odd.astype(np.int64), _scores(each)) for each in (before, after)]
    change = intervals(
        lambda weights: areas[1](weights) - areas[0](weights),
        draws(len(odd), resamples, seed),
    )[0]
    value = {"value": second - first, "interval": change and list(change)}
    return {"auc": second, "change": {"auc": value}}


def _scores(error: np.ndarray) -> np.ndarray:
    return np.stack([-error, error], axis=1)
