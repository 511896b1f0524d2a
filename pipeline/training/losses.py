"""Losses by name, from logits, for Keras 3 and for tf_keras.

In: settings and the task. Out: a function `(targets, outputs)` -> loss per example. In
classification, the squared, absolute and Huber losses are computed on probabilities
(Brier, Verification of Forecasts Expressed in Terms of Probability, 1950).
"""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from pipeline.core.determinism import derive_seed
from pipeline.core.errors import UserError
from pipeline.data.spec import TaskSpec
from pipeline.tasks.registry import task_of
from pipeline.tasks.training import training_of
from pipeline.training.params import FitSettings

Loss = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]
HUBER = 1.0  # the error at which the loss turns from squared to absolute


def make_loss(
    settings: FitSettings, spec: TaskSpec, api: ModuleType, soft: bool = False
) -> Any:
    """Return the loss that the settings name, or that of the task, for `compile`.

    Args:
        settings: `loss` and `label_smoothing`.
        spec: signature of the data.
        api: `keras` or `tf_keras`.
        soft: targets are probabilities, `(batch, classes)`, not class numbers.

    Raises:
        UserError: for a loss that does not suit the task.
    """
    own = _name(settings, spec) in training_of(spec).losses
    if _is_plain(settings, spec) and not soft and not own:
        return api.losses.SparseCategoricalCrossentropy(from_logits=True)
    return example_losses(settings, spec)


def example_losses(settings: FitSettings, spec: TaskSpec) -> Loss:
    """Return the same loss as a function with one value per example.

    Args:
        settings: `loss` and `label_smoothing`.
        spec: signature of the data.

    Returns:
        `(targets, outputs)` -> losses. Targets of classes are class numbers or
        probabilities, `(batch, classes)`.

    Raises:
        UserError: for a loss that does not suit the task.
    """
    name = _name(settings, spec)
    if own := training_of(spec).losses.get(name):
        return own
    if not task_of(spec).predicts_classes:
        return lambda y, outputs: _ERRORS[name](_like(y, outputs), outputs)
    smooth = _of_classes(name, settings.label_smoothing)
    if not _is_plain(settings, spec):
        return smooth
    return lambda y, logits: (smooth if _is_soft(y, logits) else _sparse)(y, logits)


def training_loss(
    settings: FitSettings, spec: TaskSpec, model: keras.Model, y: np.ndarray, seed: int
) -> Loss:
    """Return the loss that a model is trained with; it may have weights.

    Args:
        settings: `loss` and `label_smoothing`.
        spec: signature of the data.
        model: whose outputs the loss receives.
        y: training targets as stored, `(n, ...)`.
        seed: of the initial weights of the loss.

    Returns:
        `(targets, outputs)` -> losses, with `variables` where it has weights.
    """
    head = training_of(spec).heads.get(_name(settings, spec))
    if head is None:
        return example_losses(settings, spec)
    return head(int(model.outputs[0].shape[-1]), y, derive_seed(seed, "head"))


def _name(settings: FitSettings, spec: TaskSpec) -> str:
    task = task_of(spec)
    name = settings.loss or task.default_loss
    smooths = settings.label_smoothing and not task.predicts_classes
    if name not in task.losses or smooths:
        what = "label_smoothing" if name in task.losses else f"loss {name}"
        raise UserError(
            f"{what} is not for {task.title}, and {spec.source} is of that task; "
            f"loss can be {', '.join(task.losses)}"
        )
    return name


def _is_plain(settings: FitSettings, spec: TaskSpec) -> bool:
    """Return True for cross-entropy of class numbers, which has a fused kernel."""
    return _name(settings, spec) == "cross_entropy" and not settings.label_smoothing


def _is_soft(y: tf.Tensor, logits: tf.Tensor) -> bool:
    """Return True if targets are probabilities.

    Keras also casts class numbers to float, so the dtype does not tell.
    """
    shape = y.shape
    return len(shape) == len(logits.shape) and shape[-1] == logits.shape[-1] != 1


def _sparse(y: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    return tf.nn.sparse_softmax_cross_entropy_with_logits(_numbers(y, logits), logits)


def _numbers(y: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    return tf.reshape(tf.cast(y, tf.int32), tf.shape(logits)[:-1])


def _of_classes(name: str, smoothing: float) -> Loss:
    def loss(y: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
        target = _smooth(y, logits, smoothing)
        if name in _ERRORS:
            return _ERRORS[name](target, tf.nn.softmax(logits))
        return _LIKELIHOODS[name](target, logits)

    return loss


def _smooth(y: tf.Tensor, logits: tf.Tensor, smoothing: float) -> tf.Tensor:
    """Convert targets to probabilities, with a fraction spread over all classes.

    Szegedy et al., Rethinking the Inception Architecture, 2016, section 7.
    """
    count = logits.shape[-1]
    y = tf.convert_to_tensor(y)
    if not _is_soft(y, logits):
        y = tf.one_hot(_numbers(y, logits), count)
    return y * (1 - smoothing) + smoothing / count


def _like(y: tf.Tensor, outputs: tf.Tensor) -> tf.Tensor:
    return tf.reshape(tf.cast(y, outputs.dtype), tf.shape(outputs))


def _cross_entropy(target: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    return tf.nn.softmax_cross_entropy_with_logits(target, logits)


def _focal(target: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """Cross-entropy times (1 - p) squared, which reduces the loss of easy examples.

    Lin et al., Focal Loss for Dense Object Detection, 2017.
    """
    log = tf.nn.log_softmax(logits)
    return -tf.reduce_sum(target * (1 - tf.exp(log)) ** 2 * log, axis=-1)


def _binary(target: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """Mean binary cross-entropy of each class against all others."""
    losses = tf.nn.sigmoid_cross_entropy_with_logits(target, logits)
    return tf.reduce_mean(losses, axis=-1)


def _mse(target: tf.Tensor, outputs: tf.Tensor) -> tf.Tensor:
    return tf.reduce_mean((target - outputs) ** 2, axis=-1)


def _mae(target: tf.Tensor, outputs: tf.Tensor) -> tf.Tensor:
    return tf.reduce_mean(tf.abs(target - outputs), axis=-1)


def _huber(target: tf.Tensor, outputs: tf.Tensor) -> tf.Tensor:
    """Squared for small errors, absolute for large ones (Huber, 1964)."""
    error = tf.abs(target - outputs)
    inside = tf.minimum(error, HUBER)
    return tf.reduce_mean(inside * (error - inside / 2), axis=-1)


_ERRORS = {"mse": _mse, "mae": _mae, "huber": _huber}
_LIKELIHOODS = {"cross_entropy": _cross_entropy, "focal": _focal, "binary": _binary}
