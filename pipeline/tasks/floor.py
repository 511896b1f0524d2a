"""The optional `floor` part of a task: the metric that no model is needed for.

In: targets of training and validation examples. Out: evidence of the best prediction
that does not look at the input, such as the most frequent class, or of the input itself
where it is an image of the target's kind; a warning about a
model that is not better than it; and other readings of the outputs of a model that was
trained elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from pipeline.tasks.metric import metric_of
from pipeline.tasks.registry import task_of
from pipeline.tasks.spec import TaskSpec

Array = np.ndarray
RESAMPLES = 1000


@dataclass(frozen=True)
class Reading:
    """Another meaning of the outputs of a model.

    Args:
        meaning: a phrase after "with", such as `its classes in the order of text`.
        remedy: the setting or code that makes it the meaning used here.
        convert: outputs `(n, *output)` -> outputs as the task reads them.
        fitted: True where examples decide the numbers in it; default False. A reading
            that is not fitted is preferred.
    """

    meaning: str
    remedy: str
    convert: Callable[[Array], Array]
    fitted: bool = False


@dataclass(frozen=True)
class Fitted:
    """A prediction that examples are needed for, such as that of a Markov model.

    Args:
        name: of the prediction.
        evidence: for each target, as `TaskMetric.evidence` returns it, `(n, ...)`.
        learned: True for a model that a network is expected to beat; the user is warned
            where it does not.
    """

    name: str
    evidence: Array
    learned: bool


def no_fitted(spec: TaskSpec, train: Array, test: Array, y: Array) -> Iterable[Fitted]:
    """Return no prediction."""
    return ()


def no_readings(spec: TaskSpec, outputs: Array, y: Array) -> Iterable[Reading]:
    """Return no reading."""
    return ()


@dataclass(frozen=True)
class Floor:
    """The `floor` part of a task.

    Args:
        name: the trivial prediction, such as `always the most frequent class`.
        evidence: `(training targets, targets)` -> evidence of the trivial prediction
            for each target, as `TaskMetric.evidence` returns it, `(n, ...)`.
            If `reads_inputs` is true, `(stored examples, targets)` -> the same.
        readings: `(spec, outputs, targets)` of training examples -> other meanings that
            the outputs may have; default: none.
        fitted: `(spec, training examples, examples, targets)` as stored -> predictions
            that `evaluate` compares the baseline with on test; default: none.
        reads_inputs: the trivial prediction is computed from the examples; default
            False: from the training targets.
    """

    name: str
    evidence: Callable[[Array, Array], Array]
    readings: Callable[[TaskSpec, Array, Array], Iterable[Reading]] = no_readings
    fitted: Callable[[TaskSpec, Array, Array, Array], Iterable[Fitted]] = no_fitted
    reads_inputs: bool = False

    def of(self, teaching: Array, x: Array, y: Array) -> Array:
        """Return evidence of the trivial prediction for each example, `(n, ...)`.

        Args:
            teaching: targets of the training examples, as stored, `(m, ...)`.
            x: examples as stored, `(n, ...)`.
            y: their targets as stored, `(n, ...)`.
        """
        return self.evidence(x if self.reads_inputs else teaching, y)


def floor_of(spec: TaskSpec) -> Floor | None:
    """Return the floor of a data set's task; None for a task without one.

    Args:
        spec: signature of the data.
    """
    task = task_of(spec)
    if "floor" not in task.parts:
        return None
    packages = {task.module(part).rpartition(".")[0] for part in ("floor", "metric")}
    if len(packages) > 1:  # a task that replaced the metric has no floor of its own yet
        return None
    floor: Floor = task.part_for("floor", spec)
    return floor


def floor_warning(
    subject: str,
    spec: TaskSpec,
    teaching: Array,
    x: Array,
    y: Array,
    evidence: Array,
    seed: int,
    split: str = "validation",
) -> str | None:
    """Describe a model whose metric may be no better than the floor.

    Args:
        subject: the model, such as `the trained model`.
        spec: signature of the data.
        teaching: targets of the training examples, as stored, `(m,)`.
        x: the examples, as stored, `(n, ...)`.
        y: targets of the examples, as stored, `(n,)`.
        evidence: of the model on the examples, `(n,)`.
        seed: of the bootstrap.
        split: name of the examples' split, for the sentence; default `validation`.

    Returns:
        One sentence, or None where the interval of the metric is above the floor.
    """
    floor, metric = floor_of(spec), metric_of(spec)
    if floor is None:
        return None
    trivial = metric.value(floor.of(teaching, x, y), y)
    value = metric.value(evidence, y)
    # Its value twice where no interval is defined.
    low, high = metric.interval(evidence, y, RESAMPLES, seed) or (value, value)
    if min(map(metric.metric.merit, (low, high))) > metric.metric.merit(trivial):
        return None
    return (
        f"{subject} may have learned nothing: {split} {metric.metric.name} "
        f"{value:.3f} (95 % interval {low:.3f} to {high:.3f}) is not above "
        f"{trivial:.3f}, that of {floor.name}; check labels, preprocessing and training"
    )
