"""Losses and errors of forecasts in TensorFlow's graph.

Targets are rows as stored, of which a loss takes the numbers to predict, or, in
distillation, outputs of a teacher, which are compared number by number.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from pipeline.core.errors import UserError
from pipeline.tasks.forecasting.errors import MASE, TINY, Layout
from pipeline.tasks.spec import TaskSpec
from pipeline.tasks.training import EpochMetric, Loss, TaskTraining

HUBER = 1.0  # the error at which the loss turns from squared to absolute

OfError = Callable[[tf.Tensor], tf.Tensor]


def _training(spec: TaskSpec) -> TaskTraining:
    """Return the training part of a data set.

    Args:
        spec: signature of the data.
    """
    layout = Layout(spec)
    losses = {
        "quantile": _quantile(layout),
        "mse": _of_errors(layout, tf.square, "mse"),
        "mae": _of_errors(layout, tf.abs, "mae"),
        "huber": _of_errors(layout, _huber, "huber"),
    }
    return TaskTraining(
        evidence=_evidence(layout),
        epoch_metric=lambda y: EpochMetric(lambda rows: rows[:, MASE]),
        losses=losses,
    )


def _split(layout: Layout, values: tf.Tensor) -> tf.Tensor:
    """Return numbers as `(batch, horizon, count, levels)`; targets have one level."""
    columns = layout.columns
    return tf.reshape(values, [tf.shape(values)[0], columns.horizon, columns.count, -1])


def _targets(layout: Layout, y: tf.Tensor, outputs: tf.Tensor) -> tf.Tensor:
    """Return what outputs are compared with: stored targets, or a teacher's outputs."""
    if y.shape[-1] != outputs.shape[-1]:
        y = y[:, : layout.columns.size]
    return _split(layout, tf.cast(y, tf.float32))


def _quantile(layout: Layout) -> Loss:
    levels = tf.constant(layout.levels, tf.float32)

    def loss(y: tf.Tensor, outputs: tf.Tensor) -> tf.Tensor:
        excess = _targets(layout, y, outputs) - _split(layout, outputs)
        pinball = tf.maximum(levels * excess, (levels - 1) * excess)
        return tf.reduce_mean(pinball, axis=[1, 2, 3])

    return loss


def _of_errors(layout: Layout, of_error: OfError, name: str) -> Loss:
    def loss(y: tf.Tensor, outputs: tf.Tensor) -> tf.Tensor:
        if len(layout.levels) > 1:
            raise UserError(
                f"loss {name} predicts one number, and data.series.quantiles asks for "
                f"{len(layout.levels)} levels; set loss: quantile, or remove the levels"
            )
        error = _targets(layout, y, outputs) - _split(layout, outputs)
        return tf.reduce_mean(of_error(error), axis=[1, 2, 3])

    return loss


def _huber(error: tf.Tensor) -> tf.Tensor:
    size = tf.abs(error)
    inside = tf.minimum(size, HUBER)
    return inside * (size - inside / 2)


def _evidence(layout: Layout) -> Callable[[tf.Tensor, tf.Tensor], tf.Tensor]:
    """Compute what `pipeline.tasks.forecasting.errors.errors` does."""
    columns, median = layout.columns, layout.median
    levels = tf.constant(layout.levels, tf.float32)
    deviation = tf.constant(layout.deviation.astype(np.float32))
    mean = tf.constant(layout.mean.astype(np.float32))

    def evidence(y: tf.Tensor, outputs: tf.Tensor) -> tf.Tensor:
        y = tf.cast(y, tf.float32)
        quantiles = tf.sort(_split(layout, outputs), axis=-1)
        target = _split(layout, y[:, : columns.size])[..., 0]
        forecast, scale = quantiles[..., median], columns.scale(y)[:, None]
        excess = target[..., None] - quantiles
        pinball = tf.maximum(levels * excess, (levels - 1) * excess)
        inside = (quantiles[..., 0] <= target) & (target <= quantiles[..., -1])
        center = (columns.level(y) + mean)[:, None]
        real, guess = (part * deviation + center for part in (target, forecast))
        size = tf.maximum(tf.abs(real) + tf.abs(guess), TINY)
        parts = [
            tf.abs(target - forecast) * scale,
            2 * tf.abs(real - guess) / size,
            2 * tf.reduce_mean(pinball, axis=-1) * scale,
            tf.cast(inside, tf.float32),
        ]
        return tf.stack([tf.reduce_mean(p, axis=[1, 2]) for p in parts], axis=-1)

    return evidence


TRAINING = _training
