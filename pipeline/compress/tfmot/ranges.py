"""Initial ranges of fake quantization, from examples.

tfmot begins with -6 .. 6 and moves the ends by a thousandth of their distance per
batch. Outputs of another size, such as prices, or inputs of 0 .. 255, would be clipped
for thousands of steps, and fine-tuning would learn from clipped numbers. Here the
ranges are first set to those of examples, as calibration after training sets them.

In: a model in tfmot's quantization wrappers, and model inputs. Out: the same model.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_model_optimization as tfmot
import tf_keras

EXAMPLES = 256

quantizers = tfmot.quantization.keras.quantizers
# Quantizers of activations: between layers, and of the input.
OF_ACTIVATIONS = (quantizers.MovingAverageQuantizer, quantizers.AllValuesQuantizer)


def set_ranges(model: tf_keras.Model, inputs: np.ndarray) -> None:
    """Set the ranges of all activations to those that examples have.

    Args:
        model: any model; one without fake quantization is left unchanged.
        inputs: model inputs, `(n, ...)`; the first 256 are used.
    """
    if not any("quantize" in type(layer).__name__.lower() for layer in model.layers):
        return
    with _observing():
        model(tf.convert_to_tensor(inputs[:EXAMPLES]), training=False)


@contextmanager
def _observing() -> Iterator[None]:
    """Let quantizers take their range from the tensor that they quantize."""
    kinds = (*OF_ACTIVATIONS, quantizers.LastValueQuantizer)
    calls = {kind: kind.__call__ for kind in kinds}
    for kind in OF_ACTIVATIONS:
        kind.__call__ = _observed(calls[kind])
    quantizers.LastValueQuantizer.__call__ = _in_training(
        calls[quantizers.LastValueQuantizer]
    )
    try:
        yield
    finally:
        for kind, call in calls.items():
            kind.__call__ = call


def _observed(call: Any) -> Any:
    """A quantizer's call that sets the range first."""

    def observed(self: Any, x: Any, training: bool, weights: Any, **others: Any) -> Any:
        _assign(self, x, weights)
        return call(self, x, False, weights, **others)

    return observed


def _in_training(call: Any) -> Any:
    """The call of a quantizer of weights, which sets the range in training only."""

    def called(self: Any, x: Any, training: bool, weights: Any, **others: Any) -> Any:
        return call(self, x, True, weights, **others)

    return called


def _assign(quantizer: Any, values: Any, weights: Any) -> None:
    low = min(0.0, float(tf.reduce_min(values)))
    high = max(0.0, float(tf.reduce_max(values)))
    if quantizer.symmetric:
        high = max(high, -low)
        low = -high
    if high > low and np.isfinite(high - low):  # else the activation tells nothing
        weights["min_var"].assign(low)
        weights["max_var"].assign(high)
