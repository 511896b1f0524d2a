"""The `prediction` part of a task, used by `predict`.

In: outputs of the chosen file. Out: a JSON object and a line of text per example.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pipeline.tasks.registry import task_of
from pipeline.tasks.spec import TaskSpec

Row = dict[str, Any]
Outputs = Callable[[np.ndarray], np.ndarray]  # stored examples -> outputs of a file


@dataclass(frozen=True)
class Enrolment:
    """Examples of known identities, which others are compared with.

    Args:
        names: of the examples, such as their paths, `(n,)`.
        identities: identity of each example, `(n,)`.
        outputs: of the model, float32 `(n, *output)`.
    """

    names: Sequence[str]
    identities: Sequence[str]
    outputs: np.ndarray


@dataclass(frozen=True)
class TaskPrediction:
    """The `prediction` part of a task.

    Args:
        rows: `(outputs, stored examples, spec, row of pareto.json)` -> a JSON object
            per example; outputs are float32 `(n, *output)`, examples `(n, *shape)`.
        text: such an object -> one line of text.
        located: `(object, facts of the input)` -> the object with what was read beside
            the example, such as times; default None: unchanged.
        table: objects -> rows of a CSV file, header first; default None: there is none.
        nearest: `(outputs, enrolled examples, row of pareto.json)` -> a JSON object per
            example, for tasks that compare with enrolled examples; default None.
        decode: `(file, stored examples, spec)` -> what `rows` reads as outputs, where a
            file is run several times per example; default None: it is run once.
    """

    rows: Callable[[np.ndarray, np.ndarray, TaskSpec, Mapping[str, Any]], list[Row]]
    text: Callable[[Row], str]
    located: Callable[[Row, Mapping[str, Any]], Row] | None = None
    table: Callable[[list[Row]], list[list[Any]]] | None = None
    nearest: Callable[[np.ndarray, Enrolment, Mapping[str, Any]], list[Row]] | None = (
        None
    )
    decode: Callable[[Outputs, np.ndarray, TaskSpec], np.ndarray] | None = None

    def outputs(self, model: Outputs, stored: np.ndarray, spec: TaskSpec) -> np.ndarray:
        """Return what `rows` reads as outputs, `(n, *output)`.

        Args:
            model: runs a file on stored examples.
            stored: examples, `(n, *shape)`.
            spec: signature of the data.
        """
        return self.decode(model, stored, spec) if self.decode else model(stored)


def prediction_of(spec: TaskSpec) -> TaskPrediction:
    """Return the prediction part of a data set's task."""
    prediction: TaskPrediction = task_of(spec).part("prediction")
    return prediction
