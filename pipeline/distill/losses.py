"""Losses by which a student learns from a teacher."""

from __future__ import annotations

import tensorflow as tf


def hinton(student: tf.Tensor, teacher: tf.Tensor, temperature: float) -> tf.Tensor:
    """KL(teacher || student) of the softened outputs, times T squared.

    T squared keeps the gradient's size when T changes. Hinton, Vinyals, Dean,
    Distilling the Knowledge in a Neural Network, 2015, section 2.

    Args:
        student, teacher: logits, `(batch, classes)`.

    Returns:
        One loss per example, `(batch,)`.
    """
    log_student = tf.nn.log_softmax(student / temperature)
    log_teacher = tf.nn.log_softmax(teacher / temperature)
    divergence = tf.exp(log_teacher) * (log_teacher - log_student)
    return temperature**2 * tf.reduce_sum(divergence, axis=-1)
