"""Metrics inside a fit, batch by batch: the metric of the task.

    classes          1 for each correct prediction; the mean is the accuracy
    regression       the residual of each number; R2 of an epoch and of validation
    reconstruction   the error of each example; AUC of validation, which has anomalies;
                     an epoch of training has none, and no AUC

In: targets and outputs inside a graph. Out: a column of the history. The metrics
themselves are defined in `pipeline.data.measure`.
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
from pipeline.models.errors import ModelError
from pipeline.training.losses import CLASSES
from pipeline.training.objective import per_example


@dataclass(frozen=True)
class TrainingMetric:
    """The metric of a task, inside a fit.

    Args:
        key: of the metric; its columns are `<key>` and `val_<key>`.
        evidence: `(targets, outputs)` -> one number per example, `(batch,)` float32.
        value: (evidence of a split, its labels as stored) -> the metric.
        summand: function of the evidence whose mean is accumulated over the steps of
            an epoch; default the evidence itself.
        from_mean: that mean -> the metric of the epoch; None if an epoch has none.
    """

    key: str
    evidence: Callable[[tf.Tensor, tf.Tensor], tf.Tensor]
    value: Callable[[np.ndarray, np.ndarray], float]
    summand: Callable[[tf.Tensor], tf.Tensor] = tf.identity
    from_mean: Callable[[float], float] | None = float

    def of_batch(self, targets: tf.Tensor, outputs: tf.Tensor) -> tf.Tensor:
        """Return the mean of the summand over a batch, a scalar."""
        return tf.reduce_mean(self.summand(self.evidence(targets, outputs)))

    def of_epoch(self, mean: float) -> dict[str, float]:
        """Return the training column of an epoch, if there is one."""
        return {} if self.from_mean is None else {self.key: self.from_mean(mean)}


def training_metric(spec: TaskSpec, train: Split) -> TrainingMetric:
    """Return the metric of a task; R2 uses the variance of the training numbers."""
    measure = MEASURES["classification" if spec.task in CLASSES else spec.task]
    if spec.task == "regression":
        variance = float(np.var(np.asarray(train.y, np.float64))) or 1.0
        return TrainingMetric(
            measure.key,
            _residual,
            measure.value,
            summand=tf.square,
            from_mean=lambda mean: 1 - mean / variance,
        )
    if spec.task == "reconstruction":
        return TrainingMetric(measure.key, _error, measure.value, from_mean=None)
    return TrainingMetric(measure.key, _right, measure.value)


def check_outputs(model: Any, spec: TaskSpec) -> None:
    """Check the output shape of a model, such as one of a custom builder.

    Raises:
        ModelError: names the shape of the output and the shape that the task needs.
    """
    needed = {"regression": (1,), "reconstruction": spec.shape}.get(spec.task)
    received = model.output_shape[1:] if needed else None
    if received != needed:
        raise ModelError(
            f"builder: the model's output has the shape {received}; {spec.source} is a "
            f"{spec.task}, which needs {needed}; choose another builder"
        )


def check_monitor(monitor: str, spec: TaskSpec) -> None:
    """Check that the monitor is the loss or the metric of the task.

    Raises:
        UserError: names the metric of the task.
    """
    task = "classification" if spec.task in CLASSES else spec.task
    if monitor not in ("loss", MEASURES[task].key):
        raise UserError(
            f"monitor {monitor}: {spec.source} is a {spec.task}, whose metric is "
            f"{MEASURES[task].key}; set monitor to loss or {MEASURES[task].key}"
        )


def loss_mask(split: Split, spec: TaskSpec) -> np.ndarray | None:
    """Return 1 for examples that count in the validation loss, `(n,)` float32.

    None stands for all; for reconstruction the normal examples count, as in training.
    """
    if spec.task != "reconstruction":
        return None
    return (split.y == 0).astype(np.float32)


def _right(y: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """Return 1 where the largest logit is that of the target class."""
    predictions = tf.argmax(logits, axis=-1)
    if y.dtype.is_floating and len(y.shape) == len(logits.shape):
        y = tf.argmax(y, axis=-1)
    y = tf.reshape(tf.cast(y, tf.int64), tf.shape(predictions))
    return per_example(tf.cast(predictions == y, tf.float32))


def _residual(y: tf.Tensor, outputs: tf.Tensor) -> tf.Tensor:
    return tf.reshape(y, [-1]) - tf.reshape(outputs, [-1])


def _error(x: tf.Tensor, outputs: tf.Tensor) -> tf.Tensor:
    return per_example(tf.square(outputs - x))


def metric_over_split(
    metric: TrainingMetric, evidence: list[Any], split: Split
) -> float:
    """Compute the metric of a split.

    Args:
        metric: the metric of the task.
        evidence: arrays of consecutive batches, `(batch,)` each, in order.
        split: its labels are compared.
    """
    values = np.concatenate([np.asarray(batch, np.float64) for batch in evidence])
    return metric.value(values, split.y)
