"""Optimizers by name: Keras's own, with Adam's update in a single TensorFlow kernel.

In: settings and a learning rate, a number or a schedule. Out: an optimizer of the Keras
that the model was made with.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

import keras
import tensorflow as tf

from pipeline.training.params import FitSettings


def make_optimizer(settings: FitSettings, rate: Any, api: ModuleType = keras) -> Any:
    """Return the optimizer that the settings name.

    Args:
        settings: optimizer, momentum, weight decay, clipping; gradient accumulation is
            for Keras 3 only.
        rate: learning rate, a number or a schedule of `api`.
        api: `keras` or `tf_keras`; default `keras`.
    """
    name = settings.optimizer
    options: dict[str, Any] = {}
    if name == "sgd" and settings.momentum:
        options = {"momentum": settings.momentum, "nesterov": True}
    if settings.weight_decay:
        options["weight_decay"] = settings.weight_decay
    elif name == "adamw":
        name = "adam"  # Keras's adamw would decay by its default, 0.004
    if api is keras and settings.gradient_accumulation_steps > 1:
        steps = settings.gradient_accumulation_steps
        options["gradient_accumulation_steps"] = steps
    return _class(name, api)(rate, **_clipping(settings), **options)


def _clipping(settings: FitSettings) -> dict[str, float | None]:
    return {
        "global_clipnorm": settings.global_clipnorm,
        "clipvalue": settings.clipvalue,
    }


def _class(name: str, api: ModuleType) -> Any:
    fused = api is keras and keras.backend.backend() == "tensorflow"
    if fused and name in ("adam", "adamw"):
        return FusedAdam
    names = {"adam": "Adam", "adamw": "AdamW", "sgd": "SGD", "rmsprop": "RMSprop"}
    return getattr(api.optimizers, names.get(name, "Lion"))


class FusedAdam(keras.optimizers.Adam):
    """Adam (Kingma, Ba, 2015) with one operation per weight instead of a dozen.

    On small nets the dozen operations take longer than the gradient. Weight decay,
    clipping and accumulation are Keras's own; so is the update on several devices.
    """

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Update one weight; called by Keras.

        Args:
            gradient: gradient of the loss, with the shape of `variable`.
            variable: the weight, changed in place.
            learning_rate: a scalar.
        """
        if tf.distribute.get_strategy().num_replicas_in_sync > 1:
            return super().update_step(gradient, variable, learning_rate)
        index = self._get_variable_index(variable)
        step = tf.cast(self.iterations + 1, tf.float32)
        tf.raw_ops.ResourceApplyAdam(
            var=_handle(variable),
            m=_handle(self._momentums[index]),
            v=_handle(self._velocities[index]),
            beta1_power=self.beta_1**step,
            beta2_power=self.beta_2**step,
            lr=tf.cast(learning_rate, tf.float32),
            beta1=self.beta_1,
            beta2=self.beta_2,
            epsilon=self.epsilon,
            grad=tf.convert_to_tensor(gradient),
        )
        return None


def _handle(variable: Any) -> tf.Tensor:
    """Return the resource handle of a variable of Keras or of TensorFlow."""
    inner = variable.value if isinstance(variable, keras.Variable) else variable
    return inner.handle
