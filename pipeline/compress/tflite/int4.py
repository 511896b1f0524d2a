"""Quantize the weights of a float .tflite file to int4 with the LiteRT quantizer.

The quantizer is optional: `pip install ai-edge-quantizer==0.10.0`. Each output channel
of a convolution or dense layer has its own scale, two weights share a byte, and
activations stay float32. TensorFlow is not imported.
"""

from __future__ import annotations

from pipeline.core.errors import UserError

PACKAGE = "ai-edge-quantizer==0.10.0"


def to_int4(content: bytes) -> bytes:
    """Quantize the weights of a float file.

    Args:
        content: bytes of a float .tflite file.

    Returns:
        Bytes of the quantized file.

    Raises:
        UserError: without the quantizer, or when it does not support the file.
    """
    try:
        from ai_edge_quantizer import quantizer, recipe
    except ImportError as error:
        raise UserError(
            f"int4 needs the LiteRT quantizer, which is not installed ({error}); "
            f"run: pip install {PACKAGE}, or remove int4 from compress.recipes"
        ) from None
    try:
        steps = recipe.dynamic_wi4_afp32()
        result = quantizer.Quantizer(bytearray(content), steps).quantize(
            enable_progress_bar=False, enable_progress_report=False
        )
        return bytes(result.quantized_model)
    except (ValueError, RuntimeError) as error:  # raised for unsupported files
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise UserError(
            f"the LiteRT quantizer cannot write int4: {reason[0]}"
        ) from error
