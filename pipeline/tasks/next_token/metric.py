"""Bits per character; windows are the blocks that a bootstrap resamples."""

from __future__ import annotations

import numpy as np

from pipeline.metrics.task_metrics import TaskMetric
from pipeline.tasks.next_token.bits import per_character, resampled, token_bits
from pipeline.tasks.next_token.task import TASK


def evidence(outputs: np.ndarray, inputs: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Compute the bits of each window, `(n,)`.

    Args:
        outputs: logits, `(n, steps, vocabulary)`.
        inputs: token numbers, `(n, steps)`.
        y: not used; predicted characters of each window.
    """
    return token_bits(outputs, inputs).sum(axis=1)


METRIC = TaskMetric(
    TASK.metric, evidence=evidence, value=per_character, resampled=resampled
)
