"""Exact match: the fraction of inputs whose target is written without an error.

It is computed from the logits of all steps after the true beginning of the target. A
greedy decoder writes the target if and only if the likeliest character is the true one
at every step: up to the first error, it reads the same numbers.
"""

from __future__ import annotations

import numpy as np

from pipeline.metrics import bootstrap
from pipeline.metrics.task_metrics import TaskMetric, mean
from pipeline.tasks.pair_tokens import likeliest
from pipeline.tasks.seq2seq.task import TASK
from pipeline.tasks.targets import PADDING


def evidence(outputs: np.ndarray, inputs: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return 1 where every character and the end are right, else 0, `(n,)`.

    Args:
        outputs: logits, `(n, steps, vocabulary)`.
        inputs: rows of `pipeline.tasks.pair_tokens`, `(n, columns)`.
        y: not used; characters of each target.
    """
    return is_exact(likeliest(outputs), inputs[:, -outputs.shape[1] :])


def is_exact(written: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Return 1 where a text is its target, else 0, float64 `(n,)`.

    Args:
        written: character numbers, `(n, steps)`.
        targets: those of the targets, `(n, steps)`; padding after the end.
    """
    right = (written == targets) | (targets == PADDING)
    return right.all(axis=1).astype(np.float64)


METRIC = TaskMetric(
    TASK.metric,
    evidence=evidence,
    value=mean,
    resampled=lambda exact, y: bootstrap.mean(exact),
    binary=True,
)
