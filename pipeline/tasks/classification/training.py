"""Classes in a fit: 1 for each correct prediction; their mean is the accuracy."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from pipeline.tasks.training import EpochMetric, TaskTraining, per_example


def _is_correct(y: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """1 where the largest logit is that of the true class, `(batch,)` float32."""
    predicted = tf.argmax(logits, axis=-1)
    if y.dtype.is_floating and len(y.shape) == len(logits.shape):
        y = tf.argmax(y, axis=-1)
    y = tf.reshape(tf.cast(y, tf.int64), tf.shape(predicted))
    return per_example(tf.cast(predicted == y, tf.float32))


def _keras_metric(api: Any, soft: bool) -> Any:
    """A class where targets are probabilities.

    Keras resolves a name by the first targets that it sees, which need not be those of
    training.
    """
    return api.metrics.CategoricalAccuracy("accuracy") if soft else "accuracy"


TRAINING = TaskTraining(
    evidence=_is_correct,
    epoch_metric=lambda y: EpochMetric(),
    keras_metric=_keras_metric,
)
