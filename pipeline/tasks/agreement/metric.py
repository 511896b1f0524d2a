"""Agreement of a file with the float model, example by example.

In: outputs of a file, model inputs, and outputs of the float model in the place of
targets. Out: one number per example. Outputs that are scores of classes agree (1)
where the largest one is the same, else not (0); one output of 0 .. 1 agrees where it is
on the same side of 0.5. Other outputs, and reconstructions of the input, count
1 - squared error / variance, whose mean is R2 of the file against the float model.
"""

from __future__ import annotations

import numpy as np

from pipeline.metrics import bootstrap, task_metrics
from pipeline.tasks.agreement.task import TASK

Array = np.ndarray


def decides(reference: Array, inputs: Array) -> bool:
    """Return whether outputs are scores of classes.

    Args:
        reference: outputs of the float model, `(n, ...)`.
        inputs: model inputs, `(n, ...)`.
    """
    if reference.ndim < 2 or reference.shape == inputs.shape:
        return False
    if reference.shape[-1] > 1:
        return True
    return bool(reference.min() >= 0 and reference.max() <= 1 and np.ptp(reference) > 0)


def agreement(outputs: Array, inputs: Array, reference: Array) -> Array:
    """Compare outputs with those of the float model.

    Args:
        outputs: of a file, `(n, ...)`.
        inputs: model inputs, `(n, ...)`.
        reference: outputs of the float model, `(n, ...)`.

    Returns:
        One number per example, at most 1, `(n,)` float64.
    """
    if not decides(reference, inputs):
        return _fidelity(outputs, reference)
    if reference.shape[-1] == 1:
        same = (outputs > 0.5) == (reference > 0.5)
    else:
        same = outputs.argmax(axis=-1) == reference.argmax(axis=-1)
    return same.reshape(len(reference), -1).mean(axis=1, dtype=np.float64)


def _fidelity(outputs: Array, reference: Array) -> Array:
    wanted = reference.reshape(len(reference), -1).astype(np.float64)
    error = np.mean((outputs.reshape(wanted.shape) - wanted) ** 2, axis=1)
    variance = float(np.mean((wanted - wanted.mean(axis=0)) ** 2))
    return 1 - error / (variance or 1.0)


METRIC = task_metrics.TaskMetric(
    TASK.metric,
    evidence=agreement,
    value=task_metrics.mean,
    resampled=lambda evidence, y: bootstrap.mean(evidence),
    exact=True,
)
