"""Pruning masks: the smallest weights of a kernel, in three structures.

In: a kernel's values. Out: a mask of the same shape, 1 where a weight stays. Han et
al., Learning Both Weights and Connections for Efficient Neural Networks, 2015.
"""

from __future__ import annotations

import numpy as np

from pipeline.compress.native.kernels import Kernel
from pipeline.compress.tfmot.blocks import block_mask

GROUP = 4  # adjacent weights, of which two_of_four keeps the two largest
PAIRED = frozenset(["Conv1D", "Conv2D", "Dense"])


def supports_two_of_four(kernel: Kernel) -> bool:
    """Return whether two of every four weights of a kernel can be pruned."""
    return type(kernel.layer).__name__ in PAIRED


def mask_of(kernel: Kernel, sparsity: float, structure: str = "free") -> np.ndarray:
    """Compute the mask of one kernel.

    Args:
        kernel: the kernel.
        sparsity: fraction of the kernel that becomes zero, 0 .. 1.
        structure: `free`; `two_of_four`, where it is supported; or `block`, four
            adjacent output channels.

    Returns:
        float32 of the kernel's shape: 1 where a weight stays, 0 elsewhere.
    """
    if structure == "block":
        return block_mask(kernel.values, sparsity)
    if structure == "two_of_four" and supports_two_of_four(kernel):
        return two_of_four_mask(kernel.values, sparsity)
    return free_mask(kernel.values, sparsity)


def free_mask(values: np.ndarray, sparsity: float) -> np.ndarray:
    """Compute the mask that zeroes the smallest magnitudes, ties by position.

    Args:
        values: a kernel of any shape.
        sparsity: fraction of the weights that becomes zero, 0 .. 1.
    """
    order = np.argsort(np.abs(values), axis=None, kind="stable")
    mask = np.ones(values.size, np.float32)
    mask[order[: round(sparsity * values.size)]] = 0
    return mask.reshape(values.shape)


def two_of_four_mask(values: np.ndarray, sparsity: float = 0.5) -> np.ndarray:
    """Compute the mask that zeroes the smallest weights of every four of a row.

    A row holds the weights of one output channel in the order of the .tflite file.

    Args:
        values: a kernel `(..., out)`.
        sparsity: fraction of each four that becomes zero; 0.5 at the end, less in the
            rounds of a gradual schedule.
    """
    rows = np.abs(values.reshape(-1, values.shape[-1])).T
    padded = np.pad(rows, ((0, 0), (0, -rows.shape[1] % GROUP)), constant_values=-1)
    groups = padded.reshape(len(rows), -1, GROUP)
    rank = groups.argsort(-1, kind="stable").argsort(-1, kind="stable")
    keep = (rank >= round(GROUP * sparsity)).reshape(len(rows), -1)
    mask = keep[:, : rows.shape[1]].T.astype(np.float32)
    return mask.reshape(values.shape)
