"""One model against another on the same examples: the numbers of one row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from pipeline.evaluate import statistics


@dataclass(frozen=True)
class Reference:
    """What the others are measured against.

    Args:
        y: true class numbers, `(n,)`.
        predicted: the baseline's class numbers, `(n,)`.
        classes: how many classes there are.
    """

    y: np.ndarray
    predicted: np.ndarray
    classes: int


def compare(
    reference: Reference, predicted: np.ndarray, resamples: int, seed: int
) -> dict[str, Any]:
    """A row of evaluation.json for a model's predicted classes, `(n,)`.

    A drop is what is lost against the reference; a gain is a negative drop.
    """
    y, before = reference.y, reference.predicted
    lost = statistics.lost(y, before, predicted)
    worse, better = statistics.flips(y, before, predicted)
    return {
        "accuracy": statistics.accuracy(y, predicted),
        "accuracy_interval": list(statistics.accuracy_interval(y, predicted)),
        "drop": float(lost.mean()),
        "drop_interval": list(statistics.bootstrap_interval(lost, resamples, seed)),
        "macro_f1": statistics.macro_f1(y, predicted),
        "recall": statistics.recall(y, predicted, reference.classes),
        "agreement": statistics.agreement(before, predicted),
        "flips_worse": worse,
        "flips_better": better,
    }
