"""Environment variables of the process that runs a stage."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.core import user_modules
from pipeline.core.determinism import pins

CODE_ROOT = Path(__file__).parents[2]  # the folder that contains the package
# Prefixes of variables that would change bits unnoticed: kernels of TensorFlow,
# NumPy, its BLAS and the C library; the style of pictures.
SCRUBBED = (
    *("TF_", "XLA_", "ONEDNN_", "DNNL_", "KERAS_"),
    *("TENSORFLOW_", "PIPELINE_CACHE_SIZES"),
    *("NPY_", "OPENBLAS_", "GOTO_", "BLIS_", "MKL_", "OMP_", "KMP_"),
    *("GLIBC_TUNABLES", "MPL", "MATPLOTLIBRC", "CUBLAS_", "NVIDIA_TF32_OVERRIDE"),
)
# A process takes memory of a GPU as it needs it, so that several run at once.
GPU_MEMORY = {"TF_FORCE_GPU_ALLOW_GROWTH": "true"}
KEPT = ("TF_FORCE_GPU_ALLOW_GROWTH", "KERAS_HOME", "MPLCONFIGDIR")


def process_environment(settings: Mapping[str, Any]) -> dict[str, str]:
    """Build the environment of a stage from that of this process.

    Args:
        settings: `threads` and `portability` of the experiment.

    Returns:
        This process's variables without those that change results, with the pins and
        with the code on `PYTHONPATH`. The user's modules count as listed.
    """
    inherited = {
        name: value
        for name, value in os.environ.items()
        if name in KEPT or not name.startswith(SCRUBBED)
    }
    return {
        **GPU_MEMORY,
        **inherited,
        **pins(settings["threads"], settings["portability"]),
        "PYTHONPATH": python_path(inherited),
        "PYTHONUNBUFFERED": "1",
        user_modules.LISTED: "1",
    }


def python_path(environment: Mapping[str, str]) -> str:
    """Build `PYTHONPATH` of a child process: the folder of the package comes first.

    Args:
        environment: variables of this process.
    """
    paths = [str(CODE_ROOT), environment.get("PYTHONPATH")]
    return os.pathsep.join(filter(None, paths))
