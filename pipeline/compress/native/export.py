"""Export a Keras 3 model as a .tflite file.

In: a functional Keras 3 model, with fake quantization or without. Out: the bytes of a
file. Models of standard layers are written by way of tf_keras, whose graphs give the
smaller files: an LSTM is one operator there, and an embedding needs no check of its
indices. Others, with layers of the user's own, are converted directly.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from pipeline.compress.native.ranges import ranges_of
from pipeline.compress.tflite.converter import convert
from pipeline.compress.tfmot import export as tf_keras_export
from pipeline.compress.tfmot.bridge import to_tf_keras
from pipeline.compress.tfmot.one_scale import use_one_scale
from pipeline.core.errors import UserError

# A last bit of float arithmetic moves a fake-quantized value by one level, which is at
# most this fraction of the largest output.
ONE_LEVEL = 0.05
RECURRENT = (keras.layers.LSTM, keras.layers.GRU, keras.layers.SimpleRNN)


def export(
    model: keras.Model,
    kind: str,
    calibration: np.ndarray | None = None,
    one_scale: bool = False,
    seed: int = 1,
) -> bytes:
    """Convert a model to a .tflite file.

    Args:
        model: one input of fixed shape, one output; do not train it afterwards.
        kind: an export step of the recipe grammar.
        calibration: model inputs `(n, ...)` for `int8` and `int16x8`.
        one_scale: one scale per kernel instead of one per channel.
        seed: of the random input on which conversions are compared.

    Returns:
        The content of the file.

    Raises:
        UserError: if the converter fails.
    """
    copy = tf_keras_copy(model, seed)
    if copy is not None:
        if one_scale and ranges_of(model):
            use_one_scale(copy)
        return tf_keras_export.export(copy, kind, calibration, one_scale)
    for layer in _recurrent(model):
        layer.unroll = True
    return convert(model, kind, calibration, one_scale)


def tf_keras_copy(model: keras.Model, seed: int) -> Any:
    """Return a copy of tf_keras, or None where tf_keras lacks a layer.

    Args:
        model: one input of fixed shape, one output.
        seed: of the random input on which both are compared.
    """
    try:
        return to_tf_keras(model, seed, ONE_LEVEL)
    except UserError:
        return None


def _recurrent(model: keras.Model) -> Sequence[Any]:
    layers = model._flatten_layers(include_self=False)
    return [layer for layer in layers if isinstance(layer, RECURRENT)]
