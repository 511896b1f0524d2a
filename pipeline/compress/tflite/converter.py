"""Convert a model to a .tflite file, whichever Keras it was made with.

In: a model of one input and one output, and calibration examples. Out: the bytes of a
file with a batch of one, whose input and output have names.

The bytes depend on the model and the calibration examples alone: layer names become
tensor names, so the same names give the same bytes in every process.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from pipeline.compress.adjust.options import Options
from pipeline.compress.adjust.quantizer import Quantizer, adjusted
from pipeline.compress.tflite.int4 import to_int4
from pipeline.core.errors import UserError

INPUT, OUTPUT = "input", "logits"  # names in the file's signature


class ConverterError(UserError):
    """The converter refuses a model."""


def convert(
    model: Any,
    kind: str,
    calibration: np.ndarray | None = None,
    one_scale: bool = False,
    dense_scale: bool = False,
) -> bytes:
    """Convert a model to a .tflite file.

    Args:
        model: of Keras 3 or tf_keras: one input of fixed shape, one output.
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
        return to_int4(convert(model, "float"))
    converter = _prepared(model, kind, calibration, one_scale)
    if dense_scale:
        converter._experimental_disable_per_channel_quantization_for_dense_layers = True
    return written(converter, model.name, kind)


def convert_with_reference(
    model: Any,
    kind: str,
    calibration: np.ndarray | None = None,
    one_scale: bool = False,
    options: Options | None = None,
) -> tuple[bytes, bytes]:
    """Convert a model like `convert`, with adjustments, and keep the float file.

    Args:
        model: of Keras 3 or tf_keras: one input of fixed shape, one output.
        kind: an export step of the recipe grammar.
        calibration: model inputs `(n, ...)`, see `convert`.
        one_scale: one scale per kernel instead of one per channel.
        options: adjustments of `int8`; default none.

    Returns:
        The content of the file, and of the float file with the same tensor names that
        it was quantized from; the latter is empty without `options`.
    """
    if options is None or calibration is None or kind != "int8":
        return convert(model, kind, calibration, one_scale), b""
    converter = _prepared(model, kind, calibration, one_scale)
    quantizer = Quantizer(converter, calibration, options)
    content = written(converter, model.name, kind)
    reference = quantizer.calibrated
    return adjusted(content, reference, calibration, options), reference


def _prepared(
    model: Any, kind: str, calibration: np.ndarray | None, one_scale: bool
) -> Any:
    """Return a converter with the settings of an export."""
    converter = _converter(model)
    if one_scale:
        _disable_per_channel_scales(converter)
    kind_settings(converter, kind, calibration)
    return converter


def kind_settings(converter: Any, kind: str, calibration: np.ndarray | None) -> None:
    """Give a converter the settings of an export.

    Args:
        converter: a TFLiteConverter, changed in place.
        kind: an export step of the recipe grammar, other than `int4`.
        calibration: model inputs, see `convert`.

    Raises:
        UserError: if an export needs calibration examples, and there are none.
    """
    _SETTINGS[kind](converter, calibration)


def written(converter: Any, name: str, kind: str) -> bytes:
    """Convert; a refusal of the converter is one sentence.

    Args:
        converter: a TFLiteConverter with the settings of the export.
        name: of the model, for the error.
        kind: the export, for the error.

    Raises:
        ConverterError: if the converter refuses the model.
    """
    try:
        return bytes(converter.convert())
    except UserError:
        raise
    except Exception as error:
        reason = str(error).strip().splitlines() or ["see the log"]
        raise ConverterError(
            f'the converter cannot write model "{name}" as {kind}: {reason[0]}'
        ) from error


def _converter(model: Any) -> Any:
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
