"""How right outputs are, inside a fit: the measure of the task, batch by batch.

    classes          a 1 for each right answer; their mean is the accuracy
    regression       what is left of each number; R2 of an epoch and of validation
    reconstruction   the error of each example; AUC of validation, which has anomalies,
                     and nothing of an epoch, which has none

`pipeline.data.measure` says what the measures are. In: targets and outputs in
TensorFlow's graph. Out: a column of the history.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from pipeline.data.artifact import Split
from pipeline.data.measure import MEASURES
from pipeline.data.spec import TaskSpec
from pipeline.core.errors import UserError
from pipeline.fit.losses import CLASSES
from pipeline.fit.objective import per_example
from pipeline.models.errors import ModelError


@dataclass(frozen=True)
class Goal:
    """The measure of a task.

    Args:
        key: of the measure; its columns are `<key>` and `val_<key>`.
        evidence: `(target, outputs)` -> one number an example, `(batch,)` float32.
        value: (evidence of a split, its labels as they are stored) -> the measure.
        counted: what of the evidence is added up over the steps of an epoch.
        told: the mean of that -> the measure of the epoch; None where it has none.
    """

    key: str
    evidence: Callable[[tf.Tensor, tf.Tensor], tf.Tensor]
    value: Callable[[np.ndarray, np.ndarray], float]
    counted: Callable[[tf.Tensor], tf.Tensor] = tf.identity
    told: Callable[[float], float] | None = float

    def count(self, target: tf.Tensor, outputs: tf.Tensor) -> tf.Tensor:
        """The mean over a batch, a scalar."""
        return tf.reduce_mean(self.counted(self.evidence(target, outputs)))

    def of_epoch(self, mean: float) -> dict[str, float]:
        """The column of what was trained on, if there is one."""
        return {} if self.told is None else {self.key: self.told(mean)}


def goal_of(spec: TaskSpec, train: Split) -> Goal:
    """The goal of a task; R2 is against the variance of the split's own numbers."""
    measure = MEASURES["classification" if spec.task in CLASSES else spec.task]
    if spec.task == "regression":
        variance = float(np.var(np.asarray(train.y, np.float64))) or 1.0
        given = (tf.square, lambda mean: 1 - mean / variance)
        return Goal(measure.key, _residual, measure.value, *given)
    if spec.task == "reconstruction":
        return Goal(measure.key, _error, measure.value, told=None)
    return Goal(measure.key, _right, measure.value)


def check_outputs(model: Any, spec: TaskSpec) -> None:
    """Refuse a model that does not answer as the task asks, such as a user's own.

    Raises:
        ModelError: with the shape of its output, and the one that is needed.
    """
    needed = {"regression": (1,), "reconstruction": spec.shape}.get(spec.task)
    received = model.output_shape[1:] if needed else None
    if received != needed:
        raise ModelError(
            f"builder: the model's output has the shape {received}; {spec.source} is a "
            f"{spec.task}, which needs {needed}; choose another builder"
        )


def check_monitor(monitor: str, spec: TaskSpec) -> None:
    """Refuse the measure of another task.

    Raises:
        UserError: says which one this task has.
    """
    task = "classification" if spec.task in CLASSES else spec.task
    if monitor not in ("loss", MEASURES[task].key):
        raise UserError(
            f"monitor {monitor}: {spec.source} is a {spec.task}, whose measure is "
            f"{MEASURES[task].key}; set monitor to loss or {MEASURES[task].key}"
        )


def judged(split: Split, spec: TaskSpec) -> np.ndarray | None:
    """1 for the examples that a loss on validation is of, `(n,)` float32.

    None for all of them; of a reconstruction they are the normal ones, as in training.
    """
    if spec.task != "reconstruction":
        return None
    return (split.y == 0).astype(np.float32)


def _right(y: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """1 where the largest output is the answer."""
    answers = tf.argmax(logits, axis=-1)
    if y.dtype.is_floating and len(y.shape) == len(logits.shape):
        y = tf.argmax(y, axis=-1)
    y = tf.reshape(tf.cast(y, tf.int64), tf.shape(answers))
    return per_example(tf.cast(answers == y, tf.float32))


def _residual(y: tf.Tensor, outputs: tf.Tensor) -> tf.Tensor:
    return tf.reshape(y, [-1]) - tf.reshape(outputs, [-1])


def _error(x: tf.Tensor, outputs: tf.Tensor) -> tf.Tensor:
    return per_example(tf.square(outputs - x))


def measured(goal: Goal, parts: list[Any], split: Split) -> float:
    """The measure of a split from the evidence of its parts, in their order."""
    evidence = np.concatenate([np.asarray(part, np.float64) for part in parts])
    return goal.value(evidence, split.y)
