"""Zeros in blocks of four neighbours, which stay zero while the rest is fitted.

tfmot's own block sparsity fails on TensorFlow 2.21 (its mask loses its rank).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras

from pipeline.compress.tfmot.callbacks import is_kernel

BLOCK = 4  # weights beside each other: of one place and input, four output channels


def zero_blocks(model: tf_keras.Model, names: set[str], sparsity: float) -> None:
    """Set the blocks of the smallest mean size to zero, and hold them there.

    Args:
        names: the layers whose kernels are pruned.
        sparsity: part of each kernel's blocks.
    """
    for layer in model.layers:
        if layer.name in names:
            for kernel in filter(is_kernel, layer.trainable_weights):
                mask = block_mask(kernel.numpy(), sparsity)
                kernel.assign(kernel * mask)
                kernel._constraint = _held(mask)


def block_mask(values: np.ndarray, sparsity: float) -> np.ndarray:
    """1 where a weight stays; the last block of a row may be shorter than four."""
    rows = np.abs(values.reshape(-1, values.shape[-1]))
    padded = np.pad(rows, ((0, 0), (0, -rows.shape[1] % BLOCK)))
    blocks = padded.reshape(len(rows), -1, BLOCK).mean(-1)
    gone = np.zeros(blocks.size, bool)
    gone[
        np.argsort(blocks, axis=None, kind="stable")[: round(sparsity * gone.size)]
    ] = 1
    kept = np.repeat(~gone.reshape(blocks.shape), BLOCK, axis=1)[:, : rows.shape[1]]
    return kept.reshape(values.shape).astype(np.float32)


def _held(mask: np.ndarray) -> Callable[[Any], tf.Tensor]:
    held = tf.constant(mask)
    return lambda kernel: kernel * held
