"""Block sparsity: zero out blocks of four adjacent weights and keep them zero.

In: a tf_keras model and a fraction. Out: the same model, whose kernels have zero blocks
that training leaves zero. tfmot's own block sparsity fails on TensorFlow 2.21 (its
mask loses its rank).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras

from pipeline.compress.tfmot.callbacks import is_kernel

BLOCK_SIZE = 4  # adjacent weights: one position and input, four output channels


def prune_blocks(model: tf_keras.Model, layer_names: set[str], sparsity: float) -> None:
    """Set the blocks with the smallest mean magnitude to zero, and keep them zero.

    Args:
        model: changed in place.
        layer_names: the layers whose kernels are pruned.
        sparsity: fraction of each kernel's blocks that becomes zero, 0 .. 1.
    """
    for layer in model.layers:
        if layer.name in layer_names:
            for kernel in filter(is_kernel, layer.trainable_weights):
                mask = block_mask(kernel.numpy(), sparsity)
                kernel.assign(kernel * mask)
                kernel._constraint = _masked(mask)


def block_mask(values: np.ndarray, sparsity: float) -> np.ndarray:
    """Compute the mask that zeroes the blocks of the smallest mean magnitude.

    Args:
        values: a kernel `(..., out)`; the last block of a row may be shorter than four.
        sparsity: fraction of the blocks that becomes zero, 0 .. 1.

    Returns:
        float32 of the same shape: 1 where a weight stays, 0 elsewhere.
    """
    rows = np.abs(values.reshape(-1, values.shape[-1]))
    padded = np.pad(rows, ((0, 0), (0, -rows.shape[1] % BLOCK_SIZE)))
    blocks = padded.reshape(len(rows), -1, BLOCK_SIZE).mean(-1)
    order = np.argsort(blocks, axis=None, kind="stable")
    pruned = np.zeros(blocks.size, bool)
    pruned[order[: round(sparsity * pruned.size)]] = True
    mask = np.repeat(~pruned.reshape(blocks.shape), BLOCK_SIZE, axis=1)
    return mask[:, : rows.shape[1]].reshape(values.shape).astype(np.float32)


def _masked(mask: np.ndarray) -> Callable[[Any], tf.Tensor]:
    constant = tf.constant(mask)
    return lambda kernel: kernel * constant
