"""Numbers in a fit: residuals; R2 is against the variance of the training targets."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from pipeline.tasks.training import EpochMetric, TaskTraining


def _residual(y: tf.Tensor, outputs: tf.Tensor) -> tf.Tensor:
    return tf.reshape(y, [-1]) - tf.reshape(outputs, [-1])


def _epoch_metric(y: np.ndarray) -> EpochMetric:
    variance = float(np.var(np.asarray(y, np.float64))) or 1.0
    return EpochMetric(tf.square, lambda mean: 1 - mean / variance)


TRAINING = TaskTraining(evidence=_residual, epoch_metric=_epoch_metric)
