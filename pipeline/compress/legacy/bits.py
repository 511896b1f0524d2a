"""A few bits a weight: each kernel holds whole multiples of one learned step.

In: a fresh tf_keras model and a way to fit it. Out: a model of the same layers whose
kernels hold at most 2^n - 1 values, evenly spaced, zero in the middle. The step is
learned with the weights, and the gradient passes the rounding as if it were not
there (Esser et al., Learned Step Size Quantization, 2020); here it is the logarithm
of the step that is learned, so that an optimizer of Adam's kind moves small and large
ones alike. The first and the last kernel keep the eight bits of the export, as in the
paper, unless all are asked for. In `cqat` after it equal weights stay equal, and each
level moves a little by itself. Such levels need fewer bytes after gzip than as many
clusters: most weights are on few of them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras

from pipeline.compress.legacy.binary import KERNELS, binarized, with_kernel

Model = tf_keras.Model
Layer = tf_keras.layers.Layer


def rounded(model: Model, kernels: str = "inner") -> list[str]:
    """Names of the layers that are rounded: `all`, or those between first and last."""
    if kernels == "inner":
        return binarized(model)
    return [each.name for each in with_kernel(model) if type(each).__name__ in KERNELS]


def highest(bits: int) -> int:
    """Levels on each side of zero."""
    return 2 ** (bits - 1) - 1


def first_step(kernel: np.ndarray, bits: int) -> float:
    """Where the step begins: twice the mean size of what is not zero, over root Q."""
    sizes = np.abs(kernel[kernel != 0])
    return float(2 * sizes.mean() / np.sqrt(highest(bits))) if sizes.size else 1.0


def on_levels(kernel: Any, log_step: Any, bits: int) -> tf.Tensor:
    """The nearest levels; gradients reach the weights and the step's logarithm."""
    step, most = tf.exp(log_step), float(highest(bits))
    inside = tf.clip_by_value(kernel / step, -most, most)
    return (inside + tf.stop_gradient(tf.round(inside) - inside)) * step


def round_to_bits(
    model: Model, bits: int, chosen: set[str], fit: Callable[[Model], Any]
) -> Model:
    """Fine-tune with the kernels of the chosen layers rounded; return plain layers.

    Weights that are zero stay zero.
    """

    def twin(layer: Layer) -> Layer:
        return _rounding(layer, bits) if layer.name in chosen else _same(layer)

    trained = tf_keras.models.clone_model(model, clone_function=twin)
    for layer in model.layers:
        _hand_over(layer, trained.get_layer(layer.name))
    fit(trained)
    plain = tf_keras.models.clone_model(model, clone_function=_same)
    for layer in plain.layers:
        source = trained.get_layer(layer.name)
        layer.set_weights(source.get_weights()[: len(layer.weights)])
        if layer.name in chosen:
            kernel = getattr(layer, KERNELS[type(layer).__name__])
            kernel.assign(source.levels())
    return plain


def _rounding(layer: Layer, bits: int) -> Layer:
    """The layer, computing with rounded weights and learning with all of them."""
    kind, name = type(layer), KERNELS[type(layer).__name__]
    before = getattr(layer, name).numpy()

    class Rounded(kind):
        def build(self, shape: Any) -> None:
            super().build(shape)
            first = tf_keras.initializers.Constant(np.log(first_step(before, bits)))
            self.log_step = self.add_weight(f"{self.name}_log_step", (), None, first)

        def levels(self) -> tf.Tensor:
            alive = tf.constant(before != 0, tf.float32)
            return alive * on_levels(getattr(self, name), self.log_step, bits)

        def call(self, inputs: Any) -> Any:
            full, values = getattr(self, name), self.levels()
            # Past Keras's own attributes, which would count a new weight.
            object.__setattr__(self, name, values)
            try:
                return super().call(inputs)
            finally:
                object.__setattr__(self, name, full)

    return Rounded.from_config(layer.get_config())


def _same(layer: Layer) -> Layer:
    return type(layer).from_config(layer.get_config())


def _hand_over(source: Layer, made: Layer) -> None:
    """The source's weights, before what the twin has besides."""
    own = made.get_weights()
    made.set_weights([*source.get_weights(), *own[len(source.weights) :]])
