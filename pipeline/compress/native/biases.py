"""Round biases as the runtime stores them: int32 multiples of two scales.

In: a folded model with fake quantization and rounded kernels. Out: the same model,
whose biases are multiples of (scale of the input) x (scale of the channel), so that the
accumulators of the file are those of the model (Jacob et al., 2018, section 2.4).
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from pipeline.compress.native.fake_quant import FakeQuant
from pipeline.compress.native.ranges import COPIES
from pipeline.compress.native.transforms import INT8_LEVELS, SMALLEST_SCALE
from pipeline.compress.rewrite.fold import FOLDABLE
from pipeline.models.graph import Call, calls


def round_biases(model: keras.Model, one_scale: bool) -> None:
    """Round the biases of convolutions and dense layers whose input has a range.

    Args:
        model: changed in place.
        one_scale: kernels have one scale instead of one per channel.
    """
    steps = calls(model)
    producers = {tensor: step for step in steps for tensor in step.outputs}
    for step in steps:
        layer, bias = step.operation, getattr(step.operation, "bias", None)
        if step.kind in FOLDABLE and bias is not None:
            source = _quantized_source(step, producers)
            if source is not None:
                unit = np.float64(source.scale()) * _kernel_scales(layer, one_scale)
                bias.assign(np.round(np.asarray(bias) / unit) * unit)


def _quantized_source(step: Call, producers: dict[int, Call]) -> FakeQuant | None:
    """Return the fake quantization that a layer reads, through copies; else None."""
    while True:
        source = producers.get(step.inputs[0]) if step.inputs else None
        if source is None:
            return None
        if isinstance(source.operation, FakeQuant):
            return source.operation
        if source.kind not in COPIES:
            return None
        step = source


def _kernel_scales(layer: Any, one_scale: bool) -> np.ndarray:
    """Return the scale of each output channel, in the order of the bias."""
    kernel, *_ = layer.get_weights()
    channels = np.abs(kernel.reshape(-1, layer.bias.shape[0])).max(0)
    if one_scale:
        channels = np.full_like(channels, channels.max())
    return np.maximum(channels.astype(np.float64) / INT8_LEVELS, SMALLEST_SCALE)
