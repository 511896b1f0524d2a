"""Weights that are tied: clusters, and zeros, that no training step can undo.

In: a tf_keras model. Out: the same model, whose kernels have few different values
(Han, Mao, Dally, Deep Compression, 2016), and which keeps them while it is fitted:
after each step of the optimizer every weight becomes the mean of its cluster.

tfmot's collaborative schemes lose clusters where normalizations are folded and
where each channel has a scale of its own: of 16 they leave 46. Here a clustered
model has its normalizations folded before, and one scale for each kernel.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras

from pipeline.compress.tfmot.callbacks import is_kernel

ROUNDS = 50  # of Lloyd's algorithm at most; it ends earlier when nothing moves
Centers = Callable[[Any], tf.Tensor]


def tie(model: tf_keras.Model, clusters: int) -> None:
    """Give each kernel `clusters` values at most; zeros stay and are one of them."""
    for kernel in kernels(model):
        values = kernel.numpy()
        members, centers = find_clusters(values.ravel(), clusters)
        kernel.assign(centers[members].reshape(values.shape))
    hold(model)


def hold(model: tf_keras.Model) -> None:
    """Weights that are equal now stay equal in training, and zeros stay zero."""
    for kernel in kernels(model):
        kernel._constraint = _together(kernel.numpy())


def kernels(model: tf_keras.Model) -> list[tf.Variable]:
    """What has two dimensions or more, each once."""
    found = {id(each): each for each in model.trainable_weights if is_kernel(each)}
    return list(found.values())


def find_clusters(values: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Lloyd's algorithm in one dimension, from evenly spread centers.

    Args:
        values: float32 `(n,)`; if any is zero, zero is a center that stays.
        count: number of centers at most.

    Returns:
        The center of each value, `(n,)`, and the sorted centers, float32.
    """
    zeros = values == 0
    rest = values[~zeros]
    count -= bool(zeros.any())
    centers = np.linspace(rest.min(), rest.max(), count) if rest.size else np.zeros(0)
    for _ in range(ROUNDS):
        nearest = np.abs(rest[:, None] - centers).argmin(1)
        sums = np.bincount(nearest, rest, len(centers))
        sizes = np.bincount(nearest, minlength=len(centers))
        moved = np.where(sizes > 0, sums / np.maximum(sizes, 1), centers)
        if np.array_equal(moved, centers):
            break
        centers = moved
    used = np.unique(nearest) if rest.size else np.zeros(0, int)
    every = np.union1d(centers[used], [0.0] if zeros.any() else []).astype(np.float32)
    return np.abs(values[:, None] - every).argmin(1), every


def _together(values: np.ndarray) -> Centers:
    """A constraint: equal values get their mean, and zeros stay zero."""
    different, members = np.unique(values, return_inverse=True)
    members = tf.constant(members.ravel(), tf.int32)
    sizes = tf.constant(np.bincount(members.numpy()), tf.float32)
    alive = tf.constant(different != 0, tf.float32)

    def project(kernel: Any) -> tf.Tensor:
        flat = tf.reshape(kernel, [-1])
        sums = tf.math.unsorted_segment_sum(flat, members, len(different))
        return tf.reshape(tf.gather(alive * sums / sizes, members), kernel.shape)

    return project
