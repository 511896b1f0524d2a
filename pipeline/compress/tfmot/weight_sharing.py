"""Weight sharing: cluster the weights of each kernel and keep the clusters in training.

In: a tf_keras model. Out: the same model, whose kernels have few distinct values (Han,
Mao, Dally, Deep Compression, 2016) and keep them: after each optimizer step every
weight becomes the mean of its cluster, and zeros stay zero.

tfmot's collaborative schemes lose clusters where normalizations are folded and where
each channel has its own scale: 16 clusters become 46. Here normalizations are folded
before clustering, and each kernel has one scale.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras

from pipeline.compress.tfmot.callbacks import is_kernel
from pipeline.compress.tfmot.keras_layer import KerasLayer

MAX_ITERATIONS = 50  # of Lloyd's algorithm, which ends earlier when nothing changes
Constraint = Callable[[Any], tf.Tensor]


def cluster_weights(model: tf_keras.Model, clusters: int) -> None:
    """Give each kernel at most `clusters` distinct values, and keep them in training.

    Args:
        model: changed in place.
        clusters: maximum number of values per kernel; if a kernel has zeros, zero is
            one of them.
    """
    for kernel in trainable_kernels(model):
        values = kernel.numpy()
        members, centers = find_clusters(values.ravel(), clusters)
        kernel.assign(centers[members].reshape(values.shape))
    preserve_clusters(model)


def preserve_clusters(model: tf_keras.Model) -> None:
    """Constrain equal weights to stay equal in training, and zeros to stay zero.

    Args:
        model: its kernels get a constraint.
    """
    for kernel in trainable_kernels(model):
        kernel._constraint = _cluster_means(kernel.numpy())


def trainable_kernels(model: tf_keras.Model) -> list[tf.Variable]:
    """List each trainable kernel of a model once, without those of `KerasLayer`."""
    foreign = [layer for layer in model.layers if isinstance(layer, KerasLayer)]
    left_out = {id(weight) for layer in foreign for weight in layer.weights}
    weights = [w for w in model.trainable_weights if is_kernel(w)]
    weights = [w for w in weights if id(w) not in left_out]
    return list({id(weight): weight for weight in weights}.values())


def find_clusters(values: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Cluster numbers with Lloyd's algorithm, from evenly spaced initial centers.

    Args:
        values: float32 `(n,)`; if any is zero, zero is a fixed center.
        count: maximum number of centers.

    Returns:
        Index of each value's center, `(n,)`, and the sorted centers, float32.
    """
    zeros = values == 0
    centers = _used_centers(values[~zeros], count - bool(zeros.any()))
    centers = np.union1d(centers, [0.0] if zeros.any() else []).astype(np.float32)
    return np.abs(values[:, None] - centers).argmin(1), centers


def _used_centers(values: np.ndarray, count: int) -> np.ndarray:
    """Return the centers of nonzero values, without those that have no value."""
    if not values.size:
        return np.zeros(0)
    centers = np.linspace(values.min(), values.max(), count)
    for _ in range(MAX_ITERATIONS):
        nearest = np.abs(values[:, None] - centers).argmin(1)
        sums = np.bincount(nearest, values, len(centers))
        sizes = np.bincount(nearest, minlength=len(centers))
        means = np.where(sizes > 0, sums / np.maximum(sizes, 1), centers)
        if np.array_equal(means, centers):
            break
        centers = means
    return centers[np.unique(nearest)]


def _cluster_means(values: np.ndarray) -> Constraint:
    """Return the constraint that replaces equal weights by their mean.

    Args:
        values: a kernel; its zeros stay zero.
    """
    distinct, members = np.unique(values, return_inverse=True)
    members = tf.constant(members.ravel(), tf.int32)
    sizes = tf.constant(np.bincount(members.numpy()), tf.float32)
    nonzero = tf.constant(distinct != 0, tf.float32)

    def project(kernel: Any) -> tf.Tensor:
        flat = tf.reshape(kernel, [-1])
        sums = tf.math.unsorted_segment_sum(flat, members, len(distinct))
        return tf.reshape(tf.gather(nonzero * sums / sizes, members), kernel.shape)

    return project
