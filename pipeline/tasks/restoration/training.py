"""PSNR during a fit, in TensorFlow's graph."""

from __future__ import annotations

import math

import tensorflow as tf

from pipeline.tasks.restoration.quality import SMALLEST, WHITE
from pipeline.tasks.training import EpochMetric, TaskTraining, per_example


def _psnr(y: tf.Tensor, outputs: tf.Tensor) -> tf.Tensor:
    """Compute the first column of the metric's evidence, `(batch, 1)`.

    The second one, SSIM, is left out: it would take longer than a step of training, and
    no epoch is chosen by it.
    """
    images = tf.round(tf.clip_by_value(outputs, 0.0, 1.0) * WHITE) / WHITE
    squared = per_example(tf.square(images - y))
    decibels = tf.math.log(tf.maximum(squared, SMALLEST)) * (-10 / math.log(10))
    return decibels[:, None]


TRAINING = TaskTraining(evidence=_psnr, epoch_metric=lambda y: EpochMetric())
