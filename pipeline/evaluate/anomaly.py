"""How well what is rebuilt badly is what is odd, for `spec.task` "reconstruction".

In: the error of each example, `(n,)`, and whether it is odd. Out: plain numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from pipeline.data.measure import MEASURES
from pipeline.resampling import drop_interval, score_interval
from pipeline.scores import ANOMALIES


@dataclass(frozen=True)
class Errors:
    """How badly one file rebuilds each example.

    Args:
        y: 1 for an anomaly, `(n,)`.
        error: mean squared error of each example, `(n,)`.
        threshold: above it an example is called an anomaly; chosen on validation.
    """

    y: np.ndarray
    error: np.ndarray
    threshold: float | None = None

    def called(self, kind: int) -> float | None:
        """Part of the examples of a kind that are called anomalies."""
        own = self.error[self.y == kind]
        known = self.threshold is not None and len(own)
        return float(np.mean(own > self.threshold)) if known else None


def compare(before: Errors, after: Errors, resamples: int, seed: int) -> dict[str, Any]:
    """A row of evaluation.json for `after`, measured against `before`.

    `drop` is what the AUC has lost.
    """
    y, value = after.y, MEASURES[ANOMALIES].value
    auc, both = value(after.error, y), (before.error, after.error)
    return {
        "auc": auc,
        "auc_interval": score_interval(ANOMALIES, after.error, y, resamples, seed),
        "drop": value(before.error, y) - auc,
        "drop_interval": drop_interval(ANOMALIES, *both, y, seed, resamples),
        "threshold": after.threshold,
        "found": after.called(1),
        "false_alarms": after.called(0),
    }
