"""The `training` part of a task: targets, evidence and losses in TensorFlow's graph.

In: stored targets and outputs of a batch. Out: targets that outputs are compared with,
one row of evidence per example, and the columns of the history.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import tensorflow as tf

from pipeline.metrics.metric import Metric
from pipeline.metrics.task_metrics import Predict, Rollout, TaskMetric
from pipeline.tasks.registry import task_of
from pipeline.tasks.spec import TaskSpec

WHITE = 255.0  # of a stored clean image
MAX_BATCH = 512  # examples that a model is run on at once
MAX_NUMBERS = 2_000_000  # of their outputs, 8 MB
Loss = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]
Evidence = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]


class TrainedLoss(Protocol):
    """A loss with weights, which are trained with the model and no part of it."""

    variables: Sequence[Any]

    def __call__(self, y: tf.Tensor, outputs: tf.Tensor) -> tf.Tensor:
        """Compute the loss of each example, `(batch,)`."""


class Episode(Protocol):
    """An environment that plays one episode after another."""

    def reset(self, *, seed: int) -> tuple[Any, Any]:
        """Begin an episode; the first observation, and further facts."""

    def step(self, action: int) -> tuple[Any, Any, bool, bool, Any]:
        """Act; observation, reward, end by the rules, end by the limit, facts."""


class Environment(Protocol):
    """The environment of an interactive task."""

    def make(self) -> Episode:
        """Create it; its actions are numbers from 0."""

    def stored(self, observations: np.ndarray) -> np.ndarray:
        """Preprocess observations, `(n, *shape)`, as the data stage stores them."""


@dataclass(frozen=True)
class EpochMetric:
    """The metric of the training examples, from a mean over the steps of an epoch.

    Args:
        counted: evidence -> the number that is averaged over the epoch; default: the
            evidence itself.
        value: that mean -> the metric; default: the mean itself.
    """

    counted: Callable[[tf.Tensor], tf.Tensor] = tf.identity
    value: Callable[[float], float] = float


@dataclass(frozen=True)
class TaskTraining:
    """The `training` part of a task.

    Args:
        evidence: `(targets, outputs)` -> `(batch, ...)` float32, the evidence of
            `TaskMetric` in the graph.
        epoch_metric: stored training targets `(n, ...)` -> the metric of an epoch, or
            None where training examples have none.
        learnable: stored targets `(n,)` -> bool `(n,)`: the examples of a split that
            weights are fitted on and `val_loss` is averaged over; default None: all.
        keras_metric: `(keras API, targets are probabilities)` -> the metric for
            `model.compile`; default None: the metric of a batch is undefined.
        losses: name -> `(targets, outputs)` -> a loss per example, for names that are
            not in `pipeline.training.losses`; default none.
        heads: name of a loss with weights -> `(size of the outputs, stored training
            targets, seed)` -> that loss; `losses` has what validates it. Default none.
        distillation: `(outputs, teacher's outputs)` -> a loss per example; default
            None: the loss on the labels, with the teacher's outputs as targets.
        environment: where a model of an interactive task acts; default None.
        per_class: examples of a class that are next to each other in a training batch,
            for losses that compare them; such a batch of validation examples is drawn
            from the whole split. Default 0: all orders are equally likely.
    """

    evidence: Evidence
    epoch_metric: Callable[[np.ndarray], EpochMetric | None]
    learnable: Callable[[np.ndarray], np.ndarray] | None = None
    keras_metric: Callable[[Any, bool], Any] | None = None
    losses: Mapping[str, Loss] = field(default_factory=dict)
    heads: Mapping[str, Callable[[int, np.ndarray, int], TrainedLoss]] = field(
        default_factory=dict
    )
    distillation: Callable[[tf.Tensor, tf.Tensor], tf.Tensor] | None = None
    per_class: int = 0
    environment: Environment | None = None


@dataclass(frozen=True)
class TrainingMetric:
    """The metric of a task during one fit.

    Args:
        metric: metric with the columns `<key>` and `val_<key>`.
        evidence: `(targets, outputs)` -> one row per example, `(batch, ...)`.
        value: `(evidence of a split, its targets as stored)` -> the metric.
        epoch: metric of the training examples; None where it is undefined.
        rollout: see `TaskMetric.rollout`; default None.
    """

    metric: Metric
    evidence: Evidence
    value: Callable[[np.ndarray, np.ndarray], float]
    epoch: EpochMetric | None
    rollout: Rollout | None = None

    @property
    def key(self) -> str:
        """Name of the column."""
        return self.metric.key

    def of_batch(self, targets: tf.Tensor, outputs: tf.Tensor) -> tf.Tensor:
        """Return the mean over a batch that an epoch accumulates, a scalar."""
        if self.epoch is None:
            return tf.constant(0.0)
        return tf.reduce_mean(self.epoch.counted(self.evidence(targets, outputs)))

    def of_epoch(self, mean: float) -> dict[str, float]:
        """Return the column of the training examples; empty where it is undefined."""
        return {} if self.epoch is None else {self.key: self.epoch.value(mean)}

    def of_rollouts(self, predict: Predict, y: np.ndarray) -> dict[str, float]:
        """Compute the validation columns of a model that acts in an environment.

        No loss is defined there: `val_loss` is the metric with the sign that makes
        lower better.

        Args:
            predict: model inputs `(n, *shape)` -> outputs.
            y: targets of the split as stored, `(n, ...)`.
        """
        assert self.rollout is not None
        value = self.value(self.rollout(predict, y), y)
        loss = -self.metric.merit(value)
        return {f"val_{self.metric.key}": value, "val_loss": loss}

    def of_split(self, batches: list[Any], y: np.ndarray) -> float:
        """Compute the metric of a split.

        Args:
            batches: evidence of each batch, in the order of the split.
            y: targets of the split as stored, `(n,)`.
        """
        evidence = np.concatenate([np.asarray(rows, np.float64) for rows in batches])
        return self.value(evidence, y)


def inference_batch(spec: TaskSpec) -> int:
    """Return how many examples a model is run on at once: fewer of large outputs."""
    size = math.prod(task_of(spec).output_shape(spec))
    return max(8, min(MAX_BATCH, MAX_NUMBERS // size))


def training_of(spec: TaskSpec) -> TaskTraining:
    """Return the training part of a data set's task."""
    training: TaskTraining = task_of(spec).part_for("training", spec)
    return training


def training_metric(spec: TaskSpec, y: np.ndarray) -> TrainingMetric:
    """Return the metric of a fit.

    Args:
        spec: signature of the data.
        y: training targets as stored, `(n,)`.
    """
    task = task_of(spec)
    training, computed = training_of(spec), task.part_for("metric", spec)
    assert isinstance(computed, TaskMetric)
    return TrainingMetric(
        task.metric,
        training.evidence,
        computed.value,
        training.epoch_metric(y),
        computed.rollout,
    )


def target_of(y: tf.Tensor, x: tf.Tensor, spec: TaskSpec) -> tf.Tensor:
    """Return the targets that the outputs of a batch are compared with.

    Args:
        y: stored targets, `(batch,)`, or probabilities, `(batch, classes)`.
        x: model inputs, `(batch, *shape)`.
        spec: signature of the data.
    """
    task = task_of(spec)
    if task.reconstructs:
        return x
    if task.target == "pair":
        return x[:, -task.output_shape(spec)[0] :]
    if task.per_step:  # nothing follows the last step: padding
        return tf.pad(x[:, 1:], [[0, 0], [0, 1]])
    if task.target == "image":
        return tf.cast(y, tf.float32) / WHITE
    return tf.reshape(y, [-1, 1]) if task.target == "number" else y


def soft_target(y: tf.Tensor, spec: TaskSpec) -> tf.Tensor:
    """Return stored targets as rows that can be averaged, `(batch, columns)`."""
    if task_of(spec).target == "number":
        return y[:, None]
    if task_of(spec).target == "numbers":
        return y
    return tf.one_hot(y, len(spec.classes))


def learnable(y: np.ndarray, spec: TaskSpec) -> np.ndarray | None:
    """Return the examples that weights are fitted on, bool `(n,)`; None for all."""
    mask = training_of(spec).learnable
    return None if mask is None else mask(y)


def per_example(losses: tf.Tensor) -> tf.Tensor:
    """Average over all axes but the first, such as pixels of an image, `(batch,)`."""
    if len(losses.shape) < 2:
        return losses
    return tf.reduce_mean(losses, axis=list(range(1, len(losses.shape))))
