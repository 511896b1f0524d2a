"""What evaluate asks of a task: predictions of a file, a comparison, further files.

In: a file that runs, and test examples. Out: predictions, a row of evaluation.json that
compares them with the baseline's, and files that only this task has.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from pipeline.tasks.registry import for_chain
from pipeline.tasks.spec import TaskSpec

Row = dict[str, Any]
Point = Mapping[str, Any]


class Model(Protocol):
    """A .tflite file on many examples at a time."""

    def logits(self, raw: np.ndarray) -> np.ndarray:
        """float32 outputs `(n, *output)` for stored examples, `(n, *shape)`."""

    def answers(self, inputs: np.ndarray) -> np.ndarray:
        """float32 outputs `(n, *output)` for model inputs, `(n, *shape)`."""


class Examples(Protocol):
    """Examples of a split."""

    @property
    def x(self) -> np.ndarray:
        """Stored examples, `(n, *shape)`."""

    @property
    def y(self) -> np.ndarray:
        """Targets as stored, `(n,)`."""

    def __len__(self) -> int:
        """How many there are."""


class Data(Protocol):
    """The published data."""

    @property
    def spec(self) -> TaskSpec:
        """The signature."""

    def steps(self) -> Sequence[Any]:
        """Preprocessing steps from raw to stored examples."""


class Context(Protocol):
    """What all files are evaluated on; `pipeline.evaluate.context` has one.

    Args:
        test: examples that no decision has seen.
        fitting: validation examples, to fit what a comparison needs, such as the
            temperature of logits.
    """

    @property
    def data(self) -> Data:
        """The published data."""

    @property
    def test(self) -> Examples:
        """Test examples."""

    @property
    def fitting(self) -> Examples:
        """Validation examples."""


def no_files(
    out: Path, context: Context, predictions: Mapping[str, Any], pareto: Point
) -> None:
    """Write nothing."""


@dataclass(frozen=True)
class Evaluator:
    """The `evaluation` part of a task.

    Args:
        predict: `(context, model, point)` -> predictions of a file on the test split;
            `point` is the file's row of pareto.json.
        compare: `(before, after, resamples, seed)` -> a row of evaluation.json for the
            predictions `after`: the metric, `<key>_interval`, `drop`, `drop_interval`
            and what else describes a file.
        write: `(out, context, predictions by name, pareto)` writes further files.
    """

    predict: Callable[[Context, Model, Point], Any]
    compare: Callable[[Any, Any, int, int], Row]
    write: Callable[[Path, Context, Mapping[str, Any], Point], None] = no_files


def evaluator_of(spec: TaskSpec) -> Evaluator:
    """The evaluation part of a signature's task."""
    evaluator: Evaluator = for_chain(spec.task).part("evaluation")
    return evaluator
