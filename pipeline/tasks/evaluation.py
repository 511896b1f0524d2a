"""The `evaluation` part of a task, used by the evaluate stage.

In: an exported file that runs, and test examples. Out: predictions, a row of
evaluation.json that compares them with the baseline's, and files of this task alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from pipeline.metrics import bootstrap
from pipeline.tasks.registry import for_chain
from pipeline.tasks.spec import TaskSpec

Row = dict[str, Any]
Point = Mapping[str, Any]


class Model(Protocol):
    """An exported file that runs on many examples."""

    def logits(self, raw: np.ndarray) -> np.ndarray:
        """Return float32 outputs `(n, *output)` for stored examples `(n, *shape)`."""

    def predict(self, inputs: np.ndarray) -> np.ndarray:
        """Return float32 outputs `(n, *output)` for model inputs `(n, *shape)`."""


class Examples(Protocol):
    """Examples of a split."""

    @property
    def x(self) -> np.ndarray:
        """Stored examples, `(n, *shape)`."""

    @property
    def y(self) -> np.ndarray:
        """Targets as stored, `(n,)`."""

    def __len__(self) -> int:
        """Number of examples."""


class Data(Protocol):
    """The published data."""

    @property
    def spec(self) -> TaskSpec:
        """The signature."""

    def steps(self) -> Sequence[Any]:
        """Return the preprocessing steps from raw to stored examples."""


class Context(Protocol):
    """The examples of an evaluation; `pipeline.evaluate.context` implements it."""

    @property
    def data(self) -> Data:
        """The published data."""

    @property
    def test(self) -> Examples:
        """Test examples, on which nothing was chosen or fitted."""

    @property
    def fitting(self) -> Examples:
        """Validation examples, on which a temperature can be fitted."""


@dataclass(frozen=True)
class Change:
    """Change of a metric from the reference to a file.

    Args:
        value: file minus reference.
        interval: low and high end at 95 % confidence; None where it is undefined.
    """

    value: float
    interval: list[float] | None


def change_of(
    difference: bootstrap.Statistic, count: int, resamples: int, seed: int
) -> Change:
    """Compute a change and its bootstrap interval.

    Args:
        difference: file minus reference, one column.
        count: number of examples.
        resamples: number of bootstrap resamples.
        seed: equal seeds draw equal examples.
    """
    weights = bootstrap.bootstrap_weights(count, resamples, seed)
    (interval,) = bootstrap.percentile_intervals(difference, weights)
    value = float(bootstrap.once(difference, count)[0])
    return Change(value, list(interval) if interval else None)


def no_files(
    out: Path, context: Context, predictions: Mapping[str, Any], pareto: Point
) -> None:
    """Write nothing."""


@dataclass(frozen=True)
class Evaluator:
    """The `evaluation` part of a task.

    Args:
        predict: `(context, model, point)` -> predictions of a file on the test split,
            of any type; `point` is the file's row of pareto.json.
        compare: `(before, after, resamples, seed)` -> a JSON object for a row of
            evaluation.json, from the predictions of the baseline and of the file: the
            metric, `<key>_interval`, `drop`, `drop_interval` and any other value.
        write: `(out, context, predictions by name, pareto)` writes further files;
            default: none.
        evidence: predictions -> evidence of the task's metric for each test example,
            `(n, ...)`; default None: it is computed from all outputs of the file.
    """

    predict: Callable[[Context, Model, Point], Any]
    compare: Callable[[Any, Any, int, int], Row]
    write: Callable[[Path, Context, Mapping[str, Any], Point], None] = no_files
    evidence: Callable[[Any], np.ndarray] | None = None


def evaluator_of(spec: TaskSpec) -> Evaluator:
    """Return the evaluation part of a data set's task.

    Args:
        spec: signature of the data.

    Raises:
        UserError: for a task that no stage can evaluate.
    """
    evaluator: Evaluator = for_chain(spec.task).part("evaluation")
    return evaluator
