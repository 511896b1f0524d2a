"""What a fit asks of a task: targets, evidence and losses in TensorFlow's graph.

In: stored targets and outputs of a batch. Out: what outputs are compared with, one row of
evidence per example, and the columns of the history.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import tensorflow as tf

from pipeline.metrics.metric import Metric
from pipeline.metrics.task_metrics import TaskMetric
from pipeline.tasks.registry import task_of
from pipeline.tasks.spec import TaskSpec

Loss = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]
Evidence = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]


@dataclass(frozen=True)
class EpochMetric:
    """The metric of training examples, from sums over the steps of an epoch.

    Args:
        counted: of the evidence, the number that is averaged over the epoch.
        value: the mean of that -> the metric.
    """

    counted: Callable[[tf.Tensor], tf.Tensor] = tf.identity
    value: Callable[[float], float] = float


@dataclass(frozen=True)
class TaskTraining:
    """The `training` part of a task.

    Args:
        evidence: `(targets, outputs)` -> `(batch, ...)` float32, the evidence of
            `TaskMetric` in the graph.
        epoch_metric: stored training targets `(n,)` -> the metric of an epoch, or None
            where training examples have none.
        learnable: stored targets `(n,)` -> bool `(n,)`: the examples of a split that
            weights are fitted on and `val_loss` is the mean of; None for all of them.
        keras_metric: `(keras API, whether targets are probabilities)` -> the metric for
            `model.compile`; None where no batch has one by itself.
        losses: name -> `(targets, outputs)` -> a loss per example; for names that
            `pipeline.training.losses` does not know.
    """

    evidence: Evidence
    epoch_metric: Callable[[np.ndarray], EpochMetric | None]
    learnable: Callable[[np.ndarray], np.ndarray] | None = None
    keras_metric: Callable[[Any, bool], Any] | None = None
    losses: Mapping[str, Loss] = field(default_factory=dict)


@dataclass(frozen=True)
class TrainingMetric:
    """The metric of a task during one fit.

    Args:
        metric: its columns are `<key>` and `val_<key>`.
        evidence: `(targets, outputs)` -> one row per example, `(batch, ...)`.
        value: `(evidence of a split, its targets as stored)` -> the metric.
        epoch: of the training examples; None where they have none.
    """

    metric: Metric
    evidence: Evidence
    value: Callable[[np.ndarray, np.ndarray], float]
    epoch: EpochMetric | None

    @property
    def key(self) -> str:
        """Name of the column."""
        return self.metric.key

    def of_batch(self, targets: tf.Tensor, outputs: tf.Tensor) -> tf.Tensor:
        """What an epoch adds up, the mean over a batch, a scalar."""
        evidence = self.evidence(targets, outputs)
        return tf.reduce_mean(self.epoch.counted(evidence) if self.epoch else evidence)

    def of_epoch(self, mean: float) -> dict[str, float]:
        """The column of the training examples, if there is one."""
        return {} if self.epoch is None else {self.key: self.epoch.value(mean)}

    def of_split(self, pieces: list[Any], y: np.ndarray) -> float:
        """The metric of a split, from the evidence of its pieces in their order."""
        evidence = np.concatenate([np.asarray(part, np.float64) for part in pieces])
        return self.value(evidence, y)


def training_of(spec: TaskSpec) -> TaskTraining:
    """The training part of a signature's task."""
    training: TaskTraining = task_of(spec).part("training")
    return training


def training_metric(spec: TaskSpec, y: np.ndarray) -> TrainingMetric:
    """The metric of a fit.

    Args:
        y: training targets as stored, `(n,)`.
    """
    task = task_of(spec)
    training, computed = training_of(spec), task.part("metric")
    assert isinstance(computed, TaskMetric)
    return TrainingMetric(
        task.metric, training.evidence, computed.value, training.epoch_metric(y)
    )


def target_of(y: tf.Tensor, x: tf.Tensor, spec: TaskSpec) -> tf.Tensor:
    """What the outputs for a batch are compared with.

    Args:
        y: stored targets, `(batch,)`, or probabilities, `(batch, classes)`.
        x: model inputs, `(batch, *shape)`.
    """
    task = task_of(spec)
    if task.reconstructs:
        return x
    return tf.reshape(y, [-1, 1]) if task.target == "number" else y


def soft_target(y: tf.Tensor, spec: TaskSpec) -> tf.Tensor:
    """Stored targets as rows that can be mixed, `(batch, classes)` or `(batch, 1)`."""
    if task_of(spec).target == "number":
        return y[:, None]
    return tf.one_hot(y, len(spec.classes))


def learnable(y: np.ndarray, spec: TaskSpec) -> np.ndarray | None:
    """The examples that weights are fitted on, bool `(n,)`; None for all of them."""
    mask = training_of(spec).learnable
    return None if mask is None else mask(y)


def per_example(losses: tf.Tensor) -> tf.Tensor:
    """One number per example: of many, as of the pixels of an image, the mean."""
    if len(losses.shape) < 2:
        return losses
    return tf.reduce_mean(losses, axis=list(range(1, len(losses.shape))))
