"""Cross-entropy of the next token in TensorFlow's graph.

Targets are the tokens one step later, `(batch, steps)`, 0 where none follows; such a
step has a loss of 0.
"""

from __future__ import annotations

import math

import numpy as np
import tensorflow as tf

from pipeline.tasks.targets import PADDING
from pipeline.tasks.training import EpochMetric, TaskTraining


def _cross_entropy(y: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    numbers = tf.reshape(tf.cast(y, tf.int32), tf.shape(logits)[:-1])
    loss = tf.nn.sparse_softmax_cross_entropy_with_logits(numbers, logits)
    return loss * tf.cast(numbers != PADDING, loss.dtype)


def _bits(y: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """Compute bits of each window, as `pipeline.tasks.next_token.metric` does."""
    return tf.reduce_sum(_cross_entropy(y, logits), axis=-1) / math.log(2)


def _epoch_metric(y: np.ndarray) -> EpochMetric:
    characters = max(float(np.mean(y)), 1.0)  # of a window, on average
    return EpochMetric(value=lambda bits: bits / characters)


TRAINING = TaskTraining(
    evidence=_bits,
    epoch_metric=_epoch_metric,
    losses={"cross_entropy": _cross_entropy},
)
