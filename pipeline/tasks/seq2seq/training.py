"""Cross-entropy and exact match of targets in TensorFlow's graph.

Targets are character numbers, `(batch, steps)`, 0 after the end; such a step has a loss
of 0.
"""

from __future__ import annotations

import tensorflow as tf

from pipeline.tasks.pair_tokens import END
from pipeline.tasks.targets import PADDING
from pipeline.tasks.training import EpochMetric, TaskTraining


def _cross_entropy(y: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    numbers = tf.reshape(tf.cast(y, tf.int32), tf.shape(logits)[:-1])
    loss = tf.nn.sparse_softmax_cross_entropy_with_logits(numbers, logits)
    return loss * tf.cast(numbers != PADDING, loss.dtype)


def _is_exact(y: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """Compute exact match of each example, as `pipeline.tasks.seq2seq.metric` does."""
    numbers = tf.reshape(tf.cast(y, tf.int64), tf.shape(logits)[:-1])
    likeliest = tf.argmax(logits[..., END:], axis=-1) + END
    right = (likeliest == numbers) | (numbers == PADDING)
    return tf.cast(tf.reduce_all(right, axis=-1), tf.float32)


TRAINING = TaskTraining(
    evidence=_is_exact,
    epoch_metric=lambda y: EpochMetric(),
    losses={"cross_entropy": _cross_entropy},
)
