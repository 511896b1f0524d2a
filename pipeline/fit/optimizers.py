"""Optimizers by name: Keras's own, with Adam's arithmetic in TensorFlow's one kernel.

In: settings and a learning rate, a number or a schedule. Out: an optimizer of the
Keras that the model was made with.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

import keras
import tensorflow as tf

from pipeline.fit.params import FitSettings


def make_optimizer(settings: FitSettings, rate: Any, api: ModuleType = keras) -> Any:
    """An optimizer with weight decay and clipping; accumulation on Keras 3 alone."""
    name = settings.optimizer
    own: dict[str, Any] = {}
    if name == "sgd" and settings.momentum:
        own = {"momentum": settings.momentum, "nesterov": True}
    if settings.weight_decay:
        own["weight_decay"] = settings.weight_decay
    elif name == "adamw":
        name = "adam"  # Keras's adamw would decay by its own 0.004
    if api is keras and settings.accumulate > 1:
        own["gradient_accumulation_steps"] = settings.accumulate
    return _class(name, api)(rate, **_clipping(settings), **own)


def _clipping(settings: FitSettings) -> dict[str, float | None]:
    return {"global_clipnorm": settings.clip_norm, "clipvalue": settings.clip_value}


def _class(name: str, api: ModuleType) -> Any:
    if api is keras and name in ("adam", "adamw"):
        return FusedAdam
    names = {"adam": "Adam", "adamw": "AdamW", "sgd": "SGD", "rmsprop": "RMSprop"}
    return getattr(api.optimizers, names.get(name, "Lion"))


class FusedAdam(keras.optimizers.Adam):
    """Adam (Kingma, Ba, 2015) with one operation a weight instead of a dozen.

    On small nets the dozen takes longer than the gradient. Weight decay, clipping
    and accumulation stay Keras's; on several devices, so does the step.
    """

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Change one weight; called by Keras for each."""
        if tf.distribute.get_strategy().num_replicas_in_sync > 1:
            return super().update_step(gradient, variable, learning_rate)
        at = self._get_variable_index(variable)
        step = tf.cast(self.iterations + 1, tf.float32)
        tf.raw_ops.ResourceApplyAdam(
            var=_handle(variable),
            m=_handle(self._momentums[at]),
            v=_handle(self._velocities[at]),
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
    """Of a variable of Keras or of TensorFlow."""
    inner = variable.value if isinstance(variable, keras.Variable) else variable
    return inner.handle
