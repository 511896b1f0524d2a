"""Pinball loss in TensorFlow's graph: what a fit minimizes, and its metric."""

import tensorflow as tf
from quantile_metric import QUANTILES

from pipeline.tasks.training import EpochMetric, TaskTraining


def pinball(y, outputs):
    """Loss per example, `(batch,)`, of targets `(batch, 1)` or `(batch, 3)`."""
    levels = tf.constant(QUANTILES, outputs.dtype)
    difference = tf.cast(y, outputs.dtype) - outputs
    losses = tf.maximum(levels * difference, (levels - 1) * difference)
    return tf.reduce_mean(losses, axis=-1)


TRAINING = TaskTraining(
    evidence=pinball,
    epoch_metric=lambda y: EpochMetric(),
    losses={"pinball": pinball},
)
