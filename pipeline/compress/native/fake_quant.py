"""Fake quantization of one activation to int8, with a range that follows the training.

In: a float tensor. Out: the tensor rounded to the 256 values that the runtime can store
(Jacob et al., Quantization and Training of Neural Networks for Efficient Integer-
Arithmetic-Only Inference, 2018). The range is a moving average of the minimum and the
maximum of each batch; it starts with that of the calibration examples.
"""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

MOMENTUM = 0.99  # of the moving averages, per step
LEVELS = 255  # steps between the ends of a range
SMALLEST_RANGE = 1e-6  # of a tensor that is constant


class FakeQuant(keras.layers.Layer):
    """Round a tensor to 256 levels between the ends of its range.

    Args:
        bounds: minimum and maximum; None to learn them from the tensor.
        named: of `keras.layers.Layer`.
    """

    def __init__(self, bounds: tuple[float, float] | None = None, **named: Any):
        super().__init__(**named)
        self.bounds, self.observing, self.supports_masking = bounds, False, True
        low, high = bounds or (0.0, 0.0)
        self.low = self._variable(low, "low")
        self.high = self._variable(high, "high")
        self.built = True

    def _variable(self, value: float, name: str) -> keras.Variable:
        initial = keras.initializers.Constant(value)
        return self.add_weight(
            shape=(), initializer=initial, trainable=False, name=name
        )

    def call(self, x: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Return the rounded tensor; while observing, the tensor itself."""
        if self.observing:
            self._observe(x)
            return x
        if training and self.bounds is None:
            self._follow(x)
        low, high = map(tf.convert_to_tensor, (self.low, self.high))
        return tf.quantization.fake_quant_with_min_max_vars(x, low, high)

    def interval(self) -> tuple[float, float]:
        """Return the present minimum and maximum."""
        return float(self.low.value), float(self.high.value)

    def scale(self) -> float:
        """Return the distance of two levels."""
        low, high = self.interval()
        return (high - low) / LEVELS

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of the constructor."""
        return {**super().get_config(), "bounds": self.bounds}

    def _observe(self, x: tf.Tensor) -> None:
        """Widen the range to all values of a tensor."""
        if self.bounds is None:
            self.low.assign(tf.minimum(self.low, tf.reduce_min(x)))
            high = tf.maximum(self.high, tf.reduce_max(x))
            self.high.assign(tf.maximum(high, self.low + SMALLEST_RANGE))

    def _follow(self, x: tf.Tensor) -> None:
        """Move the range towards that of a batch; zero stays inside."""
        low = tf.minimum(tf.reduce_min(x), 0.0)
        high = tf.maximum(tf.reduce_max(x), SMALLEST_RANGE)
        for variable, target in ((self.low, low), (self.high, high)):
            value = tf.convert_to_tensor(variable)
            variable.assign(value + (1 - MOMENTUM) * (target - value))
