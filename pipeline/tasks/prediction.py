"""What `predict` says of an example.

In: outputs of the chosen file. Out: a row of JSON per example, and one line of text.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from pipeline.tasks.registry import task_of
from pipeline.tasks.spec import TaskSpec

Row = dict[str, Any]


@dataclass(frozen=True)
class TaskPrediction:
    """The `prediction` part of a task.

    Args:
        rows: `(outputs, stored examples, spec, row of pareto.json)` -> a row per example;
            outputs are float32 `(n, *output)`, examples `(n, *shape)`.
        text: a row -> one line.
    """

    rows: Callable[[np.ndarray, np.ndarray, TaskSpec, Mapping[str, Any]], list[Row]]
    text: Callable[[Row], str]


def prediction_of(spec: TaskSpec) -> TaskPrediction:
    """The prediction part of a signature's task."""
    prediction: TaskPrediction = task_of(spec).part("prediction")
    return prediction
