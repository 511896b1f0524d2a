"""The `evaluation` part of a task, used by the evaluate stage.

In: an exported file that runs, and test examples. Out: predictions, a row of
evaluation.json that compares them with the baseline's, and files of this task alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np

from pipeline.metrics import bootstrap
from pipeline.tasks.registry import for_chain
from pipeline.tasks.spec import TaskSpec

BATCH = 64  # examples whose large outputs, such as maps, are in memory
T = TypeVar("T")
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


def changes_of(
    differences: Mapping[str, bootstrap.Statistic],
    count: int,
    resamples: int,
    seed: int,
) -> dict[str, Change]:
    """Compute the change of several metrics, see `change_of`.

    Args:
        differences: metric -> file minus reference, one column.
        count: number of examples.
        resamples: number of bootstrap resamples.
        seed: equal seeds draw equal examples.
    """
    return {
        name: change_of(difference, count, resamples, seed)
        for name, difference in differences.items()
    }


@dataclass(frozen=True)
class Comparison:
    """One file compared with the reference; tasks add the values as fields."""

    def to_json(self) -> Row:
        """Return the task's entries of a row of evaluation.json."""
        return asdict(self)


def as_row(
    compare: Callable[[T, T, int, int], Comparison],
) -> Callable[[T, T, int, int], Row]:
    """Return `Evaluator.compare` of a function that returns a `Comparison`."""
    return lambda before, after, resamples, seed: compare(
        before, after, resamples, seed
    ).to_json()


def baseline_and_chosen(predictions: Mapping[str, T], pareto: Point) -> tuple[T, T]:
    """Return the predictions of the baseline and of the chosen file.

    Args:
        predictions: id of a file -> its predictions.
        pareto: pareto.json; without a chosen file, the baseline takes its place.
    """
    baseline = predictions[pareto["baseline"]]
    return baseline, predictions.get(pareto["chosen"], baseline)


def outputs_in_batches(model: Model, x: np.ndarray) -> Iterator[np.ndarray]:
    """Run a file on `BATCH` examples at a time.

    Args:
        model: the file.
        x: stored examples, `(n, *shape)`.
    """
    for begin in range(0, len(x), BATCH):
        yield model.logits(np.asarray(x[begin : begin + BATCH]))


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
