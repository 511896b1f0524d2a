"""The `overlay` part of a task with dense targets: a target drawn over its image.

In: images in 0 .. 1 and targets as stored. Out: images in color.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from pipeline.tasks.registry import task_of
from pipeline.tasks.spec import TaskSpec

# `(images (n, h, w, 1 or 3) in 0 .. 1, targets as stored)` -> `(n, h, w, 3)` in 0 .. 1.
Overlay = Callable[[np.ndarray, np.ndarray], np.ndarray]


def overlay_of(spec: TaskSpec) -> Overlay | None:
    """Return the overlay part of a data set's task; None for targets without one.

    Args:
        spec: signature of the data.
    """
    task = task_of(spec)
    if not task.dense:
        return None
    overlay: Overlay = task.part("overlay")
    return overlay
