"""Differentiable functions of a kernel: what a layer computes with while it is trained.

In: the full-precision kernel, which the optimizer changes. Out: a tensor of the same
shape: masked, clustered, or rounded. Gradients pass the rounding unchanged (Bengio et
al., Estimating or Propagating Gradients Through Stochastic Neurons, 2013). Functions
with variables are Keras layers, so that these are trained and saved with the model.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from pipeline.compress.tfmot.binary import binarize_kernel
from pipeline.compress.tfmot.weight_quantization import fake_quantize, initial_step

INT8_LEVELS = 127.0  # on each side of zero
SMALLEST_SCALE = 1e-20  # of a channel of zeros


class KernelTransform(keras.layers.Layer):
    """A function of a kernel, applied whenever the model is called."""

    def call(self, kernel: tf.Tensor) -> tf.Tensor:
        """Return the kernel that the layer computes with."""
        raise NotImplementedError


class Masked(KernelTransform):
    """Multiply by a fixed mask: pruned weights stay zero.

    Args:
        mask: 0 or 1, of the kernel's shape.
    """

    def __init__(self, mask: np.ndarray):
        super().__init__()
        self.mask = tf.constant(mask, tf.float32)

    def call(self, kernel: tf.Tensor) -> tf.Tensor:
        """Return the masked kernel."""
        return kernel * self.mask


class Clustered(KernelTransform):
    """Replace equal weights by their mean: clusters stay clusters, zeros zero.

    Each weight of a cluster gets the mean gradient of all (Han, Mao, Dally, Deep
    Compression, 2016).

    Args:
        values: the clustered kernel.
    """

    def __init__(self, values: np.ndarray):
        super().__init__()
        distinct, members = np.unique(values, return_inverse=True)
        self.count = len(distinct)
        self.members = tf.constant(members.ravel(), tf.int32)
        sizes = np.bincount(members.ravel())
        self.factors = tf.constant((distinct != 0) / sizes, tf.float32)

    def call(self, kernel: tf.Tensor) -> tf.Tensor:
        """Return the kernel with each cluster at its mean."""
        flat = tf.reshape(kernel, [-1])
        sums = tf.math.unsorted_segment_sum(flat, self.members, self.count)
        return tf.reshape(tf.gather(self.factors * sums, self.members), kernel.shape)


class LowBit(KernelTransform):
    """Round to `bits` bits with a learned step (Esser et al., LSQ, 2020).

    Args:
        values: the kernel at the start; its zeros stay zero.
        bits: bits per weight, at least 2.
    """

    def __init__(self, values: np.ndarray, bits: int):
        super().__init__()
        self.bits = bits
        self.nonzero = tf.constant(values != 0, tf.float32)
        initial = keras.initializers.Constant(np.log(initial_step(values, bits)))
        self.log_step = self.add_weight(shape=(), initializer=initial, name="log_step")
        self.built = True

    def call(self, kernel: tf.Tensor) -> tf.Tensor:
        """Return multiples of the step."""
        log_step = tf.convert_to_tensor(self.log_step)
        return self.nonzero * fake_quantize(kernel, log_step, self.bits)


class Rounded(KernelTransform):
    """Round a kernel, with the gradient of the kernel itself.

    Args:
        channel_axes: axes of the output channels, each with a scale of its own; empty
            for one scale.
    """

    def __init__(self, channel_axes: Sequence[int]):
        super().__init__()
        self.channel_axes = tuple(channel_axes)

    def call(self, kernel: tf.Tensor) -> tf.Tensor:
        """Return the rounded kernel."""
        return straight_through(kernel, self.rounded(kernel))

    def rounded(self, kernel: tf.Tensor) -> tf.Tensor:
        """Return the rounded kernel, without a gradient."""
        raise NotImplementedError


class Binary(Rounded):
    """Return the sign times the mean magnitude (Rastegari et al., XNOR-Net, 2016)."""

    def rounded(self, kernel: tf.Tensor) -> tf.Tensor:
        """Return the binary kernel."""
        return binary(kernel, self.channel_axes)


class Int8(Rounded):
    """Round to 255 symmetric levels, as the converter does (Jacob et al., 2018).

    The scale is the largest magnitude over 127, so the converter finds the same scale
    and the same integers in the rounded kernel. It is equivariant to a factor per
    channel: a batch normalization that is folded later leaves the integers unchanged.
    """

    def rounded(self, kernel: tf.Tensor) -> tf.Tensor:
        """Return the kernel in steps of int8."""
        return int8(kernel, self.channel_axes)


class Chain(KernelTransform):
    """Apply several transforms in their order.

    Args:
        steps: the transforms.
    """

    def __init__(self, steps: Sequence[KernelTransform]):
        super().__init__()
        self.steps = list(steps)

    def call(self, kernel: tf.Tensor) -> tf.Tensor:
        """Return the result of the last transform."""
        for step in self.steps:
            kernel = step(kernel)
        return kernel


def int8(kernel: tf.Tensor, channel_axes: Sequence[int] = ()) -> tf.Tensor:
    """Round a kernel to int8: multiples of max |w| / 127.

    Args:
        kernel: float32 of any shape.
        channel_axes: axes with scales of their own; default one scale.
    """
    largest = tf.reduce_max(tf.abs(kernel), _others(kernel, channel_axes), True)
    scale = tf.maximum(largest / INT8_LEVELS, SMALLEST_SCALE)
    return tf.round(kernel / scale) * scale


def binary(kernel: tf.Tensor, channel_axes: Sequence[int] = ()) -> tf.Tensor:
    """Return the sign times the mean magnitude per channel, or of the whole kernel.

    Args:
        kernel: float32 of any shape.
        channel_axes: axes with magnitudes of their own; default one magnitude.
    """
    if channel_axes:
        return binarize_kernel(kernel, depthwise=len(channel_axes) == 2)
    magnitude = tf.reduce_mean(tf.abs(kernel))
    return tf.where(kernel >= 0, magnitude, -magnitude)


@tf.custom_gradient
def straight_through(full: tf.Tensor, rounded: tf.Tensor) -> Any:
    """Return `rounded` to the bit, with the gradient of `full`."""
    return tf.identity(rounded), lambda upstream: (upstream, None)


def preserving(
    values: np.ndarray, zeros: bool, clusters: bool
) -> list[KernelTransform]:
    """Return the transforms that keep what earlier techniques made of a kernel.

    Args:
        values: the kernel.
        zeros: keep its zeros.
        clusters: keep equal weights equal, and zeros zero.
    """
    if clusters:
        return [Clustered(values)]
    return [Masked(values != 0)] if zeros else []


def _others(kernel: Any, channel_axes: Sequence[int]) -> list[int]:
    return [axis for axis in range(len(kernel.shape)) if axis not in channel_axes]
