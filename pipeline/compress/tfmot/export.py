"""Export a tf_keras model as a .tflite file.

In: a tf_keras model of one input and one output, and calibration examples. Out: the
bytes of a file with a batch of one, whose input and output have names.

The bytes depend on the model and the calibration examples alone: layer names become
tensor names, so the same names give the same bytes in every process.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras

from pipeline.compress.tflite.int4 import to_int4
from pipeline.core.errors import UserError

INPUT, OUTPUT = "input", "logits"  # names in the file's signature
# The converter's int8 pass fails on their loops (LSTM becomes one operator instead).
UNROLLED = ("GRU", "SimpleRNN")
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
    if kind == "int4":
        return to_int4(export(model, "float"))
    if kind in ("int8", "int16x8"):
        _unroll(model)
    converter = _converter(model)
    if dense_scale:
        converter._experimental_disable_per_channel_quantization_for_dense_layers = True
    if one_scale:
        _disable_per_channel_scales(converter)
    _SETTINGS[kind](converter, calibration)
    try:
        return bytes(converter.convert())
    except Exception as error:
        reason = str(error).strip().splitlines() or ["see the log"]
        raise UserError(
            f'the converter cannot write model "{model.name}" as {kind}: {reason[0]}'
        ) from error


def _converter(model: tf_keras.Model) -> Any:
    """Return a converter for a batch of one, with a named input and output."""
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        raise UserError(
            f'model "{model.name}" has {len(model.inputs)} inputs and '
            f"{len(model.outputs)} outputs; compression needs one of each"
        )
    tensor = model.inputs[0]
    spec = tf.TensorSpec((1, *tensor.shape[1:]), tensor.dtype, name=INPUT)
    call = tf.function(lambda x: {OUTPUT: model(x, training=False)}, [spec])
    function = call.get_concrete_function()
    holder = tf.Module()  # the model itself would trace each of its layers again
    holder.variables_of_the_function = list(function.variables)
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function], holder)
    converter.exclude_conversion_metadata = True  # versions and flags
    return converter


def _disable_per_channel_scales(converter: Any) -> None:
    """Use one scale per kernel, also for kernels that were trained for int8."""
    converter._experimental_disable_per_channel = True
    converter._experimental_disable_per_channel_quantization_for_dense_layers = True
    flags = converter._get_base_converter_args
    # The converter does not pass this flag on by itself.
    disabled = {"disable_per_channel_quantization": True}
    converter._get_base_converter_args = lambda: {**flags(), **disabled}


def _unroll(model: tf_keras.Model) -> None:
    """Unroll the loops of recurrent layers."""
    for layer in model.layers:
        for inner in layer._flatten_layers():  # both directions of a Bidirectional
            if type(inner).__name__ in UNROLLED:
                _check_steps(inner, _steps(layer))
                inner.unroll, inner._could_use_gpu_kernel = True, False
            if isinstance(inner, tf_keras.layers.GRU) and inner.reset_after:
                inner.cell.call = _gru_step(inner.cell)


def _steps(layer: Any) -> int:
    """Return the number of time steps of a recurrent layer, or of one inside it."""
    distributed = isinstance(layer, tf_keras.layers.TimeDistributed)
    return layer.input_shape[2 if distributed else 1]


def _check_steps(layer: Any, steps: int) -> None:
    if steps > MAX_STEPS:
        raise UserError(
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


def _as_float(converter: Any, calibration: np.ndarray | None) -> None:
    """Keep the converter's defaults."""


def _as_dynamic(converter: Any, calibration: np.ndarray | None) -> None:
    converter.optimizations = [tf.lite.Optimize.DEFAULT]


def _as_float16(converter: Any, calibration: np.ndarray | None) -> None:
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.target_spec.supported_types = [tf.float16]


def _as_int8(converter: Any, calibration: np.ndarray | None) -> None:
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = _representative(calibration)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = tf.int8
    converter.inference_output_type = tf.int8


def _as_int16x8(converter: Any, calibration: np.ndarray | None) -> None:
    ops = tf.lite.OpsSet.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = _representative(calibration)
    converter.target_spec.supported_ops = [ops]
    converter.inference_input_type = tf.int16
    converter.inference_output_type = tf.int16


_SETTINGS: dict[str, Callable[[Any, np.ndarray | None], None]] = {
    "float": _as_float,
    "dynamic": _as_dynamic,
    "float16": _as_float16,
    "int8": _as_int8,
    "int16x8": _as_int16x8,
}


def _representative(calibration: np.ndarray | None) -> Callable[[], Iterator[Any]]:
    """Return the generator function of the calibration examples."""
    if calibration is None or not len(calibration):
        raise UserError("int8 needs calibration examples, and there are none")
    if not np.isfinite(calibration).all() or np.ptp(calibration) == 0:
        raise UserError(
            f"the {len(calibration)} calibration examples are constant or not finite, "
            "so no range of values can be calibrated; check the preview of the data "
            "stage"
        )
    tokens = np.issubdtype(calibration.dtype, np.integer)
    examples = calibration if tokens else calibration.astype(np.float32)
    return lambda: ([example[None]] for example in examples)
