"""What fixes the bits of a run: environment pins, and seeds that are derived.

Pins are environment variables, because they must be set before TensorFlow is
imported. `native` fixes what costs nothing; `portable` also fixes what differs
between processors, as far as that can be done, at a cost in speed.
"""

from __future__ import annotations

import hashlib
import os

NATIVE = {
    "KERAS_BACKEND": "tensorflow",
    "MATPLOTLIBRC": os.devnull,  # the library's own settings, not the user's
    "MPLBACKEND": "Agg",
    "PYTHONHASHSEED": "0",
    "SOURCE_DATE_EPOCH": "315532800",  # 1980-01-01, the first date a zip can hold
    "TF_CUDNN_DETERMINISTIC": "1",
    "TF_DETERMINISTIC_OPS": "1",
    "TF_XLA_FLAGS": "--tf_xla_auto_jit=0",
}
PORTABLE = {
    "NPY_DISABLE_CPU_FEATURES": "X86_V4 AVX512_ICL AVX512_SPR",  # what is above AVX2
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "OPENBLAS_CORETYPE": "Haswell",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "TF_ENABLE_ONEDNN_OPTS": "0",
}


def pins(threads: int, portability: str) -> dict[str, str]:
    """Environment variables of a stage's process.

    Args:
        threads: threads inside one TensorFlow operation; `portable` allows 1.
        portability: `native` or `portable`.
    """
    portable = portability == "portable"
    count = "1" if portable else str(threads)
    fixed = {
        "TF_NUM_INTRAOP_THREADS": count,
        "TF_NUM_INTEROP_THREADS": "1" if portable else "2",
        "OMP_NUM_THREADS": count,
        "OPENBLAS_NUM_THREADS": count,
    }
    return {**NATIVE, **fixed, **(PORTABLE if portable else {})}


def derive_seed(seed: int, *names: str | int) -> int:
    """A seed for one purpose, in 1 .. 2**31 - 1.

    Never 0: Keras Tuner reads 0 as "no seed".
    """
    text = "/".join([str(seed), *map(str, names)])
    digest = hashlib.sha256(text.encode()).digest()
    return int.from_bytes(digest[:8], "big") % (2**31 - 1) + 1
