"""Post-training quantization to int8 with other ranges, or with layers left in float.

In: a TensorFlow converter with calibration examples. Out: the bytes of an int8 file,
and of its float model with the observed ranges.

The converter calibrates and quantizes in one step. Here they are two, so that ranges
can be changed between them; with unchanged ranges the file is the converter's own, byte
for byte.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from tensorflow.lite.python.convert import mlir_quantize
from tensorflow.lite.python.optimize import calibrator

from pipeline.compress.adjust import bias, graph, int16, ranges
from pipeline.compress.adjust.options import Options
from pipeline.compress.tflite.inspect import parse
from pipeline.core.errors import UserError


class Quantizer:
    """Takes the place of a converter's own quantization.

    Args:
        converter: a `TFLiteConverter` with the settings of int8.
        calibration: model inputs `(n, ...)`.
        options: ranges, and layers that stay in float.

    Attributes:
        calibrated: the float file with observed ranges, after the conversion.
    """

    def __init__(self, converter: Any, calibration: np.ndarray, options: Options):
        self.converter = converter
        self.calibration = calibration
        self.options = options
        self.calibrated = b""
        converter._quantize = self.quantize

    def quantize(
        self, content: bytes, input_type: Any, output_type: Any, *others: Any
    ) -> bytes:
        """Calibrate, adjust the ranges, and quantize; called by the converter.

        Args:
            content: the float file.
            input_type: of the new file's input.
            output_type: of its output.
            others: types of activations and biases, whether float is allowed, whether
                variables are quantized, and options for debugging.
        """
        content = calibrator.add_intermediate_tensors(content)
        examples = self.converter.representative_dataset
        examples = getattr(examples, "input_gen", examples)
        calibrated = calibrator.Calibrator(content, [], []).calibrate(examples)
        self.calibrated = bytes(calibrated)
        adjusted = ranges.adjust(self.calibrated, self.calibration, self.options)
        per_channel = self.converter._experimental_disable_per_channel
        quantized: bytes = mlir_quantize(
            adjusted,
            per_channel,
            input_data_type=input_type,
            output_data_type=output_type,
            denylisted_nodes=float_tensors(adjusted, self.options.float_layers) or None,
            enable_variable_quantization=others[3],
            disable_per_channel_for_dense_layers=(
                self.converter._experimental_disable_per_channel_quantization_for_dense_layers
            ),
            debug_options_str=others[4].SerializeToString(),
        )
        return quantized


def adjusted(
    content: bytes, reference: bytes, calibration: np.ndarray, options: Options
) -> bytes:
    """Apply the adjustments that change an int8 file.

    Args:
        content: bytes of the int8 file.
        reference: bytes of the float file with observed ranges.
        calibration: model inputs `(n, ...)`.
        options: layers with int16 activations, and bias correction.

    Returns:
        Bytes of the file.
    """
    if options.int16_layers:
        content = int16.widen(content, reference, options.int16_layers)
    if options.correct_bias:
        content = bias.correct(content, reference, calibration)
    return content


def float_tensors(content: bytes, layers: Sequence[str]) -> list[str]:
    """Return names of the outputs of layers that stay in float.

    Args:
        content: bytes of the float file.
        layers: their names.

    Raises:
        UserError: when no operator of the file comes from a layer.
    """
    listed = graph.operators(parse(content))
    for layer in layers:
        if all(layer not in operator.layers for operator in listed):
            raise UserError(
                f'no operator of the file comes from layer "{layer}": the converter '
                "merged or removed it; name the layer with weights before it"
            )
    return [o.name for o in listed if set(o.layers) & set(layers)]
