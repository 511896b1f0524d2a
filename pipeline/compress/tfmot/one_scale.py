"""One scale per kernel in a graph that has fake quantization of activations.

In: a tf_keras model. Out: the same model, whose kernels pass through fake quantization
with one range. In such a graph the converter would otherwise give each channel a scale,
and equal weights would become different integers.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras

from pipeline.compress.layer_rules import LOW_BIT
from pipeline.compress.tfmot.fake_quant_layers import (
    FakeQuantLayer,
    kernel_of,
)


class OneScaleLayer(FakeQuantLayer):
    """A layer whose kernel has one symmetric range.

    Attributes:
        largest: the largest magnitude of the kernel.
    """

    largest: float

    def quantized_kernel(self) -> Any:
        """Return the kernel, rounded to multiples of max |w| / 127."""
        return tf.quantization.fake_quant_with_min_max_vars(
            kernel_of(self), -self.largest, self.largest, narrow_range=True
        )


def use_one_scale(model: tf_keras.Model) -> None:
    """Make the layers with a plain kernel compute with one scale.

    Args:
        model: functional; changed in place, for the export alone.
    """
    for layer in model.layers:
        kind = type(layer)
        if kind.__name__ in LOW_BIT:
            layer.largest = max(float(np.abs(kernel_of(layer).numpy()).max()), 1e-20)
            layer.__class__ = type(kind.__name__, (OneScaleLayer, kind), {})
