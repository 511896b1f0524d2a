"""The losses of `pipeline.training.losses` in operations of Keras, for any backend.

In: settings and the task. Out: a function `(targets, outputs)` -> loss per example.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from keras import ops

from pipeline.core.errors import UserError
from pipeline.data.spec import TaskSpec
from pipeline.tasks.registry import task_of
from pipeline.tasks.training import training_of
from pipeline.training.losses import HUBER
from pipeline.training.params import FitSettings

Loss = Callable[[Any, Any], Any]


def portable_loss(settings: FitSettings, spec: TaskSpec) -> Loss:
    """Return the loss that the settings name, or that of the task.

    Args:
        settings: `loss` and `label_smoothing`.
        spec: signature of the data.

    Returns:
        `(targets, outputs)` -> losses, `(batch, ...)`.

    Raises:
        UserError: for a loss that the task defines in TensorFlow's operations.
    """
    task = task_of(spec)
    name = settings.loss or task.default_loss
    if name in training_of(spec).losses or name not in (*_ERRORS, *_LIKELIHOODS):
        raise UserError(
            f"train.engine jax: the loss {name} of data.task {task.name} is computed "
            "by TensorFlow; set train.engine to tensorflow"
        )
    if not task.predicts_classes:
        return lambda y, outputs: _ERRORS[name](_like(y, outputs), outputs)
    return _of_classes(name, settings.label_smoothing)


def mean_loss(losses: Any, weights: Any | None) -> Any:
    """Average losses over a batch, as `pipeline.training.objective.weighed_mean` does.

    Args:
        losses: `(batch, ...)`.
        weights: weight of each example, `(batch,)`; None if all are 1.
    """
    if len(losses.shape) > 1:
        losses = ops.mean(losses, axis=list(range(1, len(losses.shape))))
    return ops.mean(losses if weights is None else losses * weights)


def _of_classes(name: str, smoothing: float) -> Loss:
    def loss(y: Any, logits: Any) -> Any:
        target = _probabilities(y, logits)
        target = target * (1 - smoothing) + smoothing / logits.shape[-1]
        if name in _ERRORS:
            return _ERRORS[name](target, ops.softmax(logits))
        return _LIKELIHOODS[name](target, logits)

    return loss


def _probabilities(y: Any, logits: Any) -> Any:
    classes = logits.shape[-1]
    if len(y.shape) == len(logits.shape) and y.shape[-1] == classes != 1:
        return ops.cast(y, "float32")
    numbers = ops.reshape(ops.cast(y, "int32"), ops.shape(logits)[:-1])
    return ops.one_hot(numbers, classes, dtype="float32")


def _like(y: Any, outputs: Any) -> Any:
    return ops.reshape(ops.cast(y, outputs.dtype), ops.shape(outputs))


def _cross_entropy(target: Any, logits: Any) -> Any:
    return -ops.sum(target * ops.log_softmax(logits), axis=-1)


def _focal(target: Any, logits: Any) -> Any:
    log = ops.log_softmax(logits)
    return -ops.sum(target * (1 - ops.exp(log)) ** 2 * log, axis=-1)


def _binary(target: Any, logits: Any) -> Any:
    rest = ops.log1p(ops.exp(-ops.abs(logits)))
    return ops.mean(ops.relu(logits) - logits * target + rest, axis=-1)


def _mse(target: Any, outputs: Any) -> Any:
    return ops.mean((target - outputs) ** 2, axis=-1)


def _mae(target: Any, outputs: Any) -> Any:
    return ops.mean(ops.abs(target - outputs), axis=-1)


def _huber(target: Any, outputs: Any) -> Any:
    error = ops.abs(target - outputs)
    inside = ops.minimum(error, HUBER)
    return ops.mean(inside * (error - inside / 2), axis=-1)


_ERRORS = {"mse": _mse, "mae": _mae, "huber": _huber}
_LIKELIHOODS = {"cross_entropy": _cross_entropy, "focal": _focal, "binary": _binary}
