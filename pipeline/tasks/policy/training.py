"""Losses of a policy on states of its teacher, in TensorFlow's graph.

Targets are rows of a seed and the teacher's action values, `(batch, 1 + actions)`, or
outputs of a teacher, `(batch, actions)`. `kl` is that of policy distillation: the
Kullback-Leibler divergence of the softened action values and the softmax of the
student's outputs (Rusu et al., Policy Distillation, 2016, equation 3).
"""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from pipeline.tasks.policy.episodes import World
from pipeline.tasks.spec import TaskSpec
from pipeline.tasks.training import TaskTraining

TEMPERATURE = 0.01  # of the paper: nearly the best action alone
HUBER = 1.0  # the error at which the loss turns from squared to absolute


def _training(spec: TaskSpec) -> TaskTraining:
    """Return the training part of an environment.

    Args:
        spec: signature of the data.
    """
    return TaskTraining(
        evidence=_no_evidence,
        epoch_metric=_no_epoch_metric,
        losses={"kl": _kl, "huber": _huber, "mse": _mse},
        distillation=lambda outputs, teacher: _kl(teacher, outputs),
        environment=World(spec),
    )


def _no_epoch_metric(y: np.ndarray) -> None:
    """Steps of training have no return of their own."""


def _no_evidence(y: tf.Tensor, outputs: tf.Tensor) -> tf.Tensor:
    return tf.zeros(tf.shape(outputs)[:1])


def _values(y: tf.Tensor, outputs: tf.Tensor) -> tf.Tensor:
    """Return the action values of the targets, `(batch, actions)`."""
    values = y if y.shape[-1] == outputs.shape[-1] else y[:, 1:]
    return tf.cast(values, tf.float32)


def _kl(y: tf.Tensor, outputs: tf.Tensor) -> tf.Tensor:
    softened = tf.nn.log_softmax(_values(y, outputs) / TEMPERATURE)
    logs = tf.nn.log_softmax(outputs)
    return tf.reduce_sum(tf.exp(softened) * (softened - logs), axis=-1)


def _mse(y: tf.Tensor, outputs: tf.Tensor) -> tf.Tensor:
    return tf.reduce_mean((_values(y, outputs) - outputs) ** 2, axis=-1)


def _huber(y: tf.Tensor, outputs: tf.Tensor) -> tf.Tensor:
    error = tf.abs(_values(y, outputs) - outputs)
    inside = tf.minimum(error, HUBER)
    return tf.reduce_mean(inside * (error - inside / 2), axis=-1)


TRAINING = _training
