"""Mixed precision: computing in bfloat16 with weights in float32, where that is fast.

Micikevicius et al., Mixed Precision Training, 2018. bfloat16 has the range of float32,
so no loss is scaled; GPUs before compute capability 8 have only float16 and stay at
float32, as do processors without instructions for bfloat16.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import keras
import tensorflow as tf

FAST = ("amx_bf16", "avx512_bf16")  # in the flags of Linux's /proc/cpuinfo
CAPABLE = (8, 0)  # compute capability of the first GPUs with bfloat16


@contextmanager
def computing_in(precision: str) -> Iterator[str]:
    """Models built inside compute in what `mixed` means on this machine."""
    name = "mixed_bfloat16" if precision == "mixed" and has_bfloat16() else "float32"
    if precision == "mixed":
        print(f"precision: {name}")
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield name
    finally:
        keras.config.set_dtype_policy(before)


def has_bfloat16() -> bool:
    """Whether this machine's GPUs, or else its processor, compute in bfloat16."""
    gpus = tf.config.list_physical_devices("GPU")
    if gpus:
        facts = map(tf.config.experimental.get_device_details, gpus)
        return all(one.get("compute_capability", (0, 0)) >= CAPABLE for one in facts)
    path = Path("/proc/cpuinfo")
    flags = path.read_text().split() if path.is_file() else []
    return any(flag in flags for flag in FAST)
