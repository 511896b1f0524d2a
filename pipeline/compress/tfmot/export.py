"""Export a tf_keras model as a .tflite file.

In: a tf_keras model of one input and one output, and calibration examples. Out: the
bytes of a file. Recurrent layers are unrolled for the converter's int8 pass.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras

from pipeline.compress.adjust.options import Options
from pipeline.compress.stateful.layers import MASKED
from pipeline.compress.tflite.converter import (
    ConverterError,
    convert,
    convert_with_reference,
)
from pipeline.compress.tflite.verify import INTEGER_IO

# The converter's int8 pass fails on their loops (LSTM becomes one operator instead).
UNROLLED = ("GRU", "RNN", "SimpleRNN")
MAX_STEPS = 256  # maximum number of unrolled steps


def export(
    model: tf_keras.Model,
    kind: str,
    calibration: np.ndarray | None = None,
    one_scale: bool = False,
    dense_scale: bool = False,
) -> bytes:
    """Convert a model to a .tflite file.

    Args:
        model: one input of fixed shape, one output; do not use it afterwards.
        kind: an export step of the recipe grammar.
        calibration: model inputs `(n, ...)` for `int8` and `int16x8`: float32, or
            integer tokens of the input's own dtype.
        one_scale: one scale per kernel instead of one per channel, so that equal
            weights become equal integers.
        dense_scale: one scale per kernel of Dense layers alone.

    Returns:
        The content of the file.

    Raises:
        UserError: if the model or the calibration examples do not fit, or the converter
            fails.
    """
    if kind in INTEGER_IO:
        _unroll(model)
        _bound_masks(model)
    return convert(model, kind, calibration, one_scale, dense_scale)


def export_with_reference(
    model: tf_keras.Model,
    kind: str,
    calibration: np.ndarray | None = None,
    one_scale: bool = False,
    options: Options | None = None,
) -> tuple[bytes, bytes]:
    """Convert a model like `export`, with adjustments, and keep the float file.

    Args:
        model: one input of fixed shape, one output; do not use it afterwards.
        kind: an export step of the recipe grammar.
        calibration: model inputs `(n, ...)`, see `export`.
        one_scale: one scale per kernel instead of one per channel.
        options: adjustments of `int8`; default none.

    Returns:
        The content of the file, and of the float file with the same tensor names that
        it was quantized from; the latter is empty without `options`.
    """
    if kind in INTEGER_IO:
        _unroll(model)
        _bound_masks(model)
    return convert_with_reference(model, kind, calibration, one_scale, options)


class BoundedSoftmax(tf_keras.layers.Softmax):
    """A softmax whose mask subtracts a number that a scale of int8 can hold.

    Keras subtracts 1e9 from the scores of masked steps. In int8 all other scores then
    become one number, and attention a mean over the steps.
    """

    def call(self, inputs: Any, mask: Any = None) -> Any:
        """Compute the softmax over the last axis."""
        if mask is not None:
            inputs += (1.0 - tf.cast(mask, inputs.dtype)) * MASKED
        return tf.nn.softmax(inputs, axis=self.axis)


def _bound_masks(model: tf_keras.Model) -> None:
    """Replace the softmax of attention layers."""
    for layer in model._flatten_layers():
        if isinstance(layer, tf_keras.layers.MultiHeadAttention):
            layer._softmax = BoundedSoftmax(name="bounded_softmax")


def _unroll(model: tf_keras.Model) -> None:
    """Unroll the loops of recurrent layers."""
    for layer in model.layers:
        for inner in layer._flatten_layers():  # both directions of a Bidirectional
            if type(inner).__name__ in UNROLLED:
                _check_steps(inner, _steps(layer))
                inner.unroll, inner._could_use_gpu_kernel = True, False
            for cell in _gru_cells(inner):
                cell.call = _gru_step(cell)


def _gru_cells(layer: Any) -> list[Any]:
    """Cells of a GRU, or in a layer of cells, that compute all gates in one product."""
    cell = getattr(layer, "cell", None)
    cells = getattr(cell, "cells", [cell])
    kind = tf_keras.layers.GRUCell
    return [c for c in cells if isinstance(c, kind) and c.reset_after]


def _steps(layer: Any) -> int:
    """Return the number of time steps of a recurrent layer, or of one inside it."""
    distributed = isinstance(layer, tf_keras.layers.TimeDistributed)
    return layer.input_shape[2 if distributed else 1]


def _check_steps(layer: Any, steps: int) -> None:
    if steps > MAX_STEPS:
        raise ConverterError(
            f'layer "{layer.name}" ({type(layer).__name__}) has {steps} steps; '
            f"int8 supports at most {MAX_STEPS}"
        )


def _gru_step(cell: Any) -> Callable[..., Any]:
    """Return a GRU's step with one matrix product per gate.

    Keras computes the three gates in one product and splits it. For some weights the
    converter then leaves that SPLIT in float.
    """
    width, dot = cell.units, tf_keras.backend.dot

    def gates(x: Any, kernel: Any, bias: Any) -> list[Any]:
        cuts = [slice(width * gate, width * (gate + 1)) for gate in range(3)]
        if bias is None:
            return [dot(x, kernel[:, cut]) for cut in cuts]
        return [dot(x, kernel[:, cut]) + bias[cut] for cut in cuts]

    def step(x: Any, states: Any, training: bool | None = None) -> tuple[Any, Any]:
        state = states[0] if isinstance(states, list | tuple) else states
        biases = (None, None) if cell.bias is None else (cell.bias[0], cell.bias[1])
        x_update, x_reset, x_new = gates(x, cell.kernel, biases[0])
        update, reset, new = gates(state, cell.recurrent_kernel, biases[1])
        update = cell.recurrent_activation(x_update + update)
        reset = cell.recurrent_activation(x_reset + reset)
        candidate = cell.activation(x_new + reset * new)
        next_state = update * state + (1 - update) * candidate
        return next_state, [next_state]

    return step
