"""Memory of a GPU: how many fits run at once, and whether the examples fit beside them.

In: free bytes of the visible GPUs, from `nvidia-smi`; none without a GPU. Out: a
refusal with numbers in the place of an error of memory in the middle of a stage.
Processes of this machine share the first GPU, where TensorFlow places operations.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence

import keras
import numpy as np

from pipeline.core.errors import UserError

CONTEXT = 700_000_000  # bytes of CUDA, cuDNN and cuBLAS, per process
COPIES = 4  # of the weights: themselves, gradients, and two moments of Adam
ACTIVATIONS = 2  # each is kept for its gradient, which is as large
EXAMPLES = 4  # the examples may take a fourth of what is free
QUERY = ("nvidia-smi", "--query-gpu=memory.free", "--format=csv,noheader,nounits")
SECONDS = 10  # that the driver has for its answer
MEBIBYTE, GIGABYTE = 2**20, 1e9


def free_memory(environment: Mapping[str, str] = os.environ) -> list[int]:
    """Return the free bytes of each visible GPU; empty without a GPU of NVIDIA.

    Args:
        environment: its `CUDA_VISIBLE_DEVICES` selects GPUs.
    """
    if shutil.which(QUERY[0]) is None:
        return []
    try:
        answer = subprocess.run(
            QUERY, capture_output=True, text=True, timeout=SECONDS, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return []
    return visible(parsed(answer.stdout), environment.get("CUDA_VISIBLE_DEVICES"))


def parsed(answer: str) -> list[int]:
    """Return bytes from the lines of `nvidia-smi`, each a number of mebibytes.

    Args:
        answer: of `QUERY`; lines that hold no number are left out.
    """
    lines = (line.strip() for line in answer.splitlines())
    return [int(line) * MEBIBYTE for line in lines if line.isdigit()]


def visible(free: list[int], selected: str | None) -> list[int]:
    """Return the GPUs that `CUDA_VISIBLE_DEVICES` selects, in its order.

    Args:
        free: bytes of all GPUs.
        selected: the variable; None selects all. Names in the place of numbers select
            all too, because the driver does not list them.
    """
    if selected is None:
        return free
    numbers = [text.strip() for text in selected.split(",")]
    if any(not number.isdigit() for number in numbers if number not in ("", "-1")):
        return free
    return [free[int(n)] for n in numbers if n.isdigit() and int(n) < len(free)]


def fit_bytes(model: keras.Model, batch_size: int) -> int:
    """Estimate the memory of one fit on a GPU, without its examples.

    Args:
        model: a functional model.
        batch_size: examples per batch.
    """
    weights = model.count_params() * COPIES
    outputs = [
        np.prod(tensor.shape[1:], dtype=np.int64)
        for layer in model.layers
        for tensor in _outputs(layer)
        if None not in tensor.shape[1:]
    ]
    numbers = weights + int(sum(outputs)) * batch_size * ACTIVATIONS
    return CONTEXT + numbers * np.dtype(np.float32).itemsize


def _outputs(layer: keras.layers.Layer) -> list[keras.KerasTensor]:
    """Return the outputs of a layer; none of one inside a subclassed model."""
    try:
        return list(keras.tree.flatten(layer.output))
    except (AttributeError, ValueError):
        return []


def check_workers(
    workers: int, key: str, needed: int = CONTEXT, free: Sequence[int] | None = None
) -> None:
    """Refuse more processes at once than the GPU has memory for.

    Args:
        workers: processes that run at the same time.
        key: dotted key of their number.
        needed: bytes of each one; default: what every process takes.
        free: bytes of the visible GPUs; default None asks the driver.

    Raises:
        UserError: it names the memory, and the number that fits.
    """
    sizes = free_memory() if free is None else free
    if not sizes or workers * needed <= sizes[0]:
        return
    each, has = needed / GIGABYTE, sizes[0] / GIGABYTE
    fitting = int(sizes[0] // needed)
    advice = (
        f"set it to {fitting}"
        if fitting
        else "use a smaller batch or model, or free memory of the GPU"
    )
    raise UserError(
        f"`{key}` is {workers}: {workers} processes of about {each:.1f} GB each need "
        f"{workers * each:.1f} GB on one GPU, which has {has:.1f} GB free; {advice}"
    )


def fits_on_device(nbytes: int, free: Sequence[int] | None = None) -> bool:
    """Return whether examples are kept on the GPU for whole epochs in one graph.

    Args:
        nbytes: of the examples.
        free: bytes of the visible GPUs; default None asks the driver.
    """
    sizes = free_memory() if free is None else free
    return bool(sizes) and nbytes * EXAMPLES <= sizes[0]
