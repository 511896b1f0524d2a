"""A float .tflite file in, one with int4 weights out, by the LiteRT quantizer.

The quantizer is an extra: `pip install ai-edge-quantizer==0.10.0`. Each channel of a
convolution or dense layer has a scale of its own, two weights stand in one byte, and
the computation is in float. TensorFlow is not imported.
"""

from __future__ import annotations

from pipeline.core.errors import UserError

PACKAGE = "ai-edge-quantizer==0.10.0"


def to_int4(content: bytes) -> bytes:
    """Quantize the weights of a float file.

    Raises:
        UserError: without the quantizer, or when it refuses the file.
    """
    try:
        from ai_edge_quantizer import quantizer, recipe
    except ImportError as error:
        raise UserError(
            f"int4 needs the LiteRT quantizer, which is not installed ({error}); "
            f"run: pip install {PACKAGE}, or leave int4 out of compress.recipes"
        ) from None
    try:
        steps = recipe.dynamic_wi4_afp32()
        made = quantizer.Quantizer(bytearray(content), steps).quantize(
            enable_progress_bar=False, enable_progress_report=False
        )
        return bytes(made.quantized_model)
    except (ValueError, RuntimeError) as error:  # what it raises to refuse a file
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise UserError(
            f"the LiteRT quantizer cannot write int4: {reason[0]}"
        ) from error
