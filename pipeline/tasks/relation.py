"""Relational distillation: compare distances and angles between examples of a batch.

In: features of two models for the same batch, `(batch, ...)`, of any two shapes. Out:
one loss per example, `(batch,)`. Park et al., Relational Knowledge Distillation, 2019.
"""

from __future__ import annotations

import tensorflow as tf

TINY = 1e-7
RKD_ANGLES = 2.0  # weight of the angles, the paper's; the weight of the distances is 1


def relation(student: tf.Tensor, teacher: tf.Tensor) -> tf.Tensor:
    """Compare distances and angles between the examples of a batch.

    Park et al., Relational Knowledge Distillation, 2019, equations 5 and 9.

    Args:
        student: features, `(batch, ...)`.
        teacher: features, `(batch, ...)`, of any other shape.

    Returns:
        Losses, `(batch,)`.
    """
    student, teacher = flat(student), flat(teacher)
    distances = _huber(_distances(student) - _distances(teacher))
    angles = _huber(_angles(student) - _angles(teacher))
    return tf.reduce_mean(distances, 1) + RKD_ANGLES * tf.reduce_mean(angles, (1, 2))


def _distances(x: tf.Tensor) -> tf.Tensor:
    """Compute distances of all pairs, `(batch, batch)`, scaled to a mean of 1."""
    squared = tf.reduce_sum(tf.square(x[:, None] - x[None]), axis=-1)
    positive = tf.cast(squared > 0, x.dtype)
    distances = tf.sqrt(tf.maximum(squared, TINY**2)) * positive
    mean = tf.reduce_sum(distances) / tf.maximum(tf.reduce_sum(positive), 1.0)
    return distances / (mean + TINY)


def _angles(x: tf.Tensor) -> tf.Tensor:
    """Compute cosines of the angle at each example between all pairs of others."""
    directions = tf.math.l2_normalize(x[None] - x[:, None], axis=-1, epsilon=TINY**2)
    return tf.matmul(directions, directions, transpose_b=True)


def _huber(error: tf.Tensor) -> tf.Tensor:
    size = tf.abs(error)
    inside = tf.minimum(size, 1.0)
    return inside * (size - inside / 2)


def flat(x: tf.Tensor) -> tf.Tensor:
    """Join all axes but the first, `(batch, features)`."""
    return tf.reshape(x, [tf.shape(x)[0], -1])
