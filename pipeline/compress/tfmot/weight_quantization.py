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

from collections.abc import Callable, Collection
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras

from pipeline.compress.tfmot.fake_quant_layers import Twin, fit_twins, kernel_of

Model = tf_keras.Model
Layer = tf_keras.layers.Layer


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
    model: Model, bits: int, chosen: Collection[str], fit: Callable[[Model], Any]
) -> Model:
    """Fine-tune with the kernels of the chosen layers rounded; return plain layers.

    Weights that are zero stay zero.
    """
    return fit_twins(model, chosen, lambda layer: _twin(layer, bits), fit)


def _twin(layer: Layer, bits: int) -> Layer:
    before = kernel_of(layer).numpy()
    first = tf_keras.initializers.Constant(np.log(first_step(before, bits)))

    class Rounded(Twin, type(layer)):
        def build(self, shape: Any) -> None:
            super().build(shape)
            self.log_step = self.add_weight(f"{self.name}_log_step", (), None, first)

        def used(self) -> tf.Tensor:
            alive = tf.constant(before != 0, tf.float32)
            return alive * on_levels(kernel_of(self), self.log_step, bits)

    return Rounded.from_config(layer.get_config())
