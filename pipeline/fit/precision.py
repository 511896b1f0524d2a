"""Mixed precision: computing in bfloat16 with weights in float32, where that is fast.

Micikevicius et al., Mixed Precision Training, 2018. bfloat16 has the range of float32,
so no loss is scaled; GPUs before compute capability 8 have only float16 and stay at
float32, as do processors without instructions for bfloat16.
"""

from __future__ import annotations

from pathlib import Path

import keras
import tensorflow as tf

FAST = ("amx_bf16", "avx512_bf16")  # in the flags of Linux's /proc/cpuinfo
CAPABLE = (8, 0)  # compute capability of the first GPUs with bfloat16


def in_precision(model: keras.Model, precision: str) -> keras.Model:
    """The model as it is, or for `mixed` an equal one that computes in bfloat16.

    From its last layer with weights on it computes in float32: losses need the
    digits of outputs.
    """
    if precision != "mixed":
        return model
    fast = has_bfloat16()
    print(f"precision: {'mixed_bfloat16' if fast else 'float32, all there is here'}")
    if not fast:
        return model

    last = max(at for at, layer in enumerate(model.layers) if layer.weights)
    whole = model.layers[last:]

    def computing(layer: keras.layers.Layer) -> keras.layers.Layer:
        config = layer.get_config()
        if layer not in whole:
            config["dtype"] = "mixed_bfloat16"
        return type(layer).from_config(config)

    copy = keras.models.clone_model(model, clone_function=computing)
    copy.set_weights(model.get_weights())
    return copy


def has_bfloat16() -> bool:
    """Whether this machine's GPUs, or else its processor, compute in bfloat16."""
    gpus = tf.config.list_physical_devices("GPU")
    if gpus:
        facts = map(tf.config.experimental.get_device_details, gpus)
        return all(one.get("compute_capability", (0, 0)) >= CAPABLE for one in facts)
    path = Path("/proc/cpuinfo")
    flags = path.read_text().split() if path.is_file() else []
    return any(flag in flags for flag in FAST)
