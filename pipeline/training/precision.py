"""Mixed precision: computation in bfloat16 with float32 weights.

In: a float32 model. Out: an equal model that computes in bfloat16 (Micikevicius et al.,
Mixed Precision Training, 2018). bfloat16 has the range of float32, so the loss is not
scaled; GPUs before compute capability 8 have only float16 and stay at float32, as do
processors without bfloat16 instructions.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import keras
import tensorflow as tf

CPU_FLAGS = ("amx_bf16", "avx512_bf16")  # in Linux's /proc/cpuinfo
GPU_CAPABILITY = (8, 0)  # compute capability of the first GPUs with bfloat16


def in_precision(model: keras.Model, precision: str) -> keras.Model:
    """Return the model in the given precision.

    From the last layer with weights on, computation stays in float32: losses need the
    precision of the outputs.

    Args:
        model: a float32 model.
        precision: `float32` returns the model; `mixed` returns a copy with equal
            weights that computes in bfloat16, if the hardware has it.
    """
    if precision != "mixed":
        return model
    supported = has_bfloat16()
    used = "mixed_bfloat16" if supported else "float32 (no bfloat16 on this machine)"
    print(f"precision: {used}")
    if not supported:
        return model

    last = max(index for index, layer in enumerate(model.layers) if layer.weights)
    full = model.layers[last:]

    def clone(layer: keras.layers.Layer) -> keras.layers.Layer:
        config = layer.get_config()
        if layer not in full:
            config["dtype"] = "mixed_bfloat16"
        return type(layer).from_config(config)

    copy = keras.models.clone_model(model, clone_function=clone)
    copy.set_weights(model.get_weights())
    return copy


def has_bfloat16() -> bool:
    """Return True if the GPUs, or without any the processor, compute in bfloat16."""
    gpus = tf.config.list_physical_devices("GPU")
    details = map(tf.config.experimental.get_device_details, gpus)
    capabilities = [gpu.get("compute_capability", (0, 0)) for gpu in details]
    path = Path("/proc/cpuinfo")
    flags = path.read_text().split() if path.is_file() else []
    return computes_bfloat16(capabilities, flags)


def computes_bfloat16(
    capabilities: Sequence[tuple[int, int]], flags: Sequence[str]
) -> bool:
    """Return whether all GPUs, or without any the processor, compute in bfloat16.

    Args:
        capabilities: compute capability of each GPU.
        flags: of the processor.
    """
    if capabilities:
        return all(capability >= GPU_CAPABILITY for capability in capabilities)
    return any(flag in flags for flag in CPU_FLAGS)
