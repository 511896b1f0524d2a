"""Determinism of a run: pinned environment variables and derived seeds.

The pins are environment variables because they must be set before TensorFlow is
imported. `native` pins whatever costs no speed; `portable` also restricts the
instruction sets of TensorFlow, NumPy and its BLAS, and fixes the cache sizes that Eigen
sees, so that x86-64 processors with AVX2 compute the same bits, at a cost in speed.
"""

from __future__ import annotations

import hashlib
import os

from pipeline.core import cache_sizes

NATIVE = {
    "CUBLAS_WORKSPACE_CONFIG": ":4096:8",  # of GPUs: sums in one order on all streams
    "KERAS_BACKEND": "tensorflow",
    "MATPLOTLIBRC": os.devnull,  # ignore the user's settings
    "MPLBACKEND": "Agg",
    "PYTHONHASHSEED": "0",
    "SOURCE_DATE_EPOCH": "315532800",  # 1980-01-01, the first date a zip can hold
    "TF_CUDNN_DETERMINISTIC": "1",
    "TF_CUDNN_USE_AUTOTUNE": "0",  # or a race of kernels decides which one computes
    "TF_DETERMINISTIC_OPS": "1",
    "TF_XLA_FLAGS": "--tf_xla_auto_jit=0",
}
PORTABLE = {
    "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX2,-FMA",  # functions such as exp
    "NVIDIA_TF32_OVERRIDE": "0",  # no 10-bit products on newer GPUs
    "NPY_DISABLE_CPU_FEATURES": "X86_V4 AVX512_ICL AVX512_SPR",  # above AVX2
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "OPENBLAS_CORETYPE": "Haswell",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "PIPELINE_CACHE_SIZES": "32768 524288 8388608",  # of Eigen: L1, L2, L3 in bytes
    "TENSORFLOW_USE_CUSTOM_CONTRACTION_KERNEL": "false",  # oneDNN's, inside Eigen
    "TF_ENABLE_ONEDNN_OPTS": "0",
}


def pins(threads: int, portability: str) -> dict[str, str]:
    """Return the environment variables of the process that runs a stage.

    Args:
        threads: number of threads inside one TensorFlow operation; `portable` always
            uses 1.
        portability: `native` or `portable`.

    Returns:
        Variable name -> value.
    """
    portable = portability == "portable"
    count = "1" if portable else str(threads)
    thread_counts = {
        "TF_NUM_INTRAOP_THREADS": count,
        "TF_NUM_INTEROP_THREADS": "1" if portable else "2",
        "OMP_NUM_THREADS": count,
        "OPENBLAS_NUM_THREADS": count,
    }
    return {**NATIVE, **thread_counts, **(PORTABLE if portable else {})}


def apply_pins() -> None:
    """Apply the pin that no library reads, the cache sizes of Eigen.

    To be called in every process that computes, before its first operation.
    """
    if sizes := os.environ.get("PIPELINE_CACHE_SIZES"):
        cache_sizes.install(sizes)


def derive_seed(seed: int, *names: str | int) -> int:
    """Derive the seed of one purpose from the seed of the experiment.

    Args:
        seed: the seed of the experiment.
        *names: the purpose, such as `"trial", 7`; other names give another seed.

    Returns:
        A number in 1 .. 2**31 - 1; never 0, which Keras Tuner reads as "no seed".
    """
    text = "/".join([str(seed), *map(str, names)])
    digest = hashlib.sha256(text.encode()).digest()
    return int.from_bytes(digest[:8], "big") % (2**31 - 1) + 1
