"""Low-bit weights: each kernel holds integer multiples of one learned step size.

In: a fresh tf_keras model and a function that fits a model in place. Out: a model of
the same layers whose kernels hold at most 2^bits - 1 evenly spaced values around zero.

The step size is learned with the weights, and the gradient passes the rounding
unchanged (Esser et al., Learned Step Size Quantization, 2020); here the logarithm of
the step is the variable, so that Adam changes small and large steps at the same rate.
As in the paper, the first and the last kernel keep the eight bits of the export, unless
`all` kernels are asked for. A following `cqat` keeps equal weights equal, and each
level moves a little. After gzip such levels need fewer bytes than the same number of
clusters, because most weights are on a few of them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any, TypeAlias

import numpy as np
import tensorflow as tf
import tf_keras

from pipeline.compress.tfmot.fake_quant_layers import (
    FakeQuantLayer,
    fit_fake_quant,
    kernel_of,
)

Model: TypeAlias = tf_keras.Model
Layer: TypeAlias = tf_keras.layers.Layer


def max_level(bits: int) -> int:
    """Return the number of levels on each side of zero.

    Args:
        bits: bits per weight, at least 2.
    """
    return 2 ** (bits - 1) - 1


def initial_step(kernel: np.ndarray, bits: int) -> float:
    """Return twice the mean magnitude of the nonzero weights over sqrt(max_level).

    Args:
        kernel: of any shape.
        bits: bits per weight, at least 2.

    Returns:
        The initial step size; 1 for a kernel of zeros.
    """
    magnitudes = np.abs(kernel[kernel != 0])
    if not magnitudes.size:
        return 1.0
    return float(2 * magnitudes.mean() / np.sqrt(max_level(bits)))


def fake_quantize(kernel: Any, log_step: Any, bits: int) -> tf.Tensor:
    """Round weights to the nearest level; differentiable in kernel and step.

    Args:
        kernel: float32 of any shape.
        log_step: float32 scalar, natural logarithm of the step size.
        bits: bits per weight, at least 2.

    Returns:
        A tensor of the kernel's shape.
    """
    step, limit = tf.exp(log_step), float(max_level(bits))
    levels = tf.clip_by_value(kernel / step, -limit, limit)
    return (levels + tf.stop_gradient(tf.round(levels) - levels)) * step


def fit_low_bit(
    model: Model, bits: int, layer_names: Collection[str], fit: Callable[[Model], Any]
) -> Model:
    """Fine-tune with low-bit kernels, then write them into plain layers.

    Args:
        model: functional model as the bridge or an earlier technique made it.
        bits: bits per weight, at least 2.
        layer_names: the layers to quantize; their zero weights stay zero.
        fit: fits a model in place.

    Returns:
        A new model of plain layers.
    """
    return fit_fake_quant(
        model, layer_names, lambda layer: _low_bit_layer(layer, bits), fit
    )


def _low_bit_layer(layer: Layer, bits: int) -> Layer:
    initial = kernel_of(layer).numpy()
    log_step = tf_keras.initializers.Constant(np.log(initial_step(initial, bits)))

    class LowBitLayer(FakeQuantLayer, type(layer)):  # type: ignore[misc]
        def build(self, shape: Any) -> None:
            super().build(shape)
            name = f"{self.name}_log_step"
            self.log_step = self.add_weight(name, (), None, log_step)

        def quantized_kernel(self) -> tf.Tensor:
            nonzero = tf.constant(initial != 0, tf.float32)
            return nonzero * fake_quantize(kernel_of(self), self.log_step, bits)

    return LowBitLayer.from_config(layer.get_config())
