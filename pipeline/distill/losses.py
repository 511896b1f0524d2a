"""Distillation losses, each as in its paper.

In: logits, `(batch, classes)`, or features, `(batch, ..., channels)`, of a student and
a teacher. Out: one loss per example, `(batch,)`.
"""

from __future__ import annotations

import tensorflow as tf

from pipeline.tasks.relation import flat as _flat

TINY = 1e-7
DKD_BETA = 8.0  # weight of the other classes, as usual in the paper; its alpha is 1


def kd(student: tf.Tensor, teacher: tf.Tensor, temperature: float) -> tf.Tensor:
    """Compute KL(teacher || student) of the softened outputs, times T squared.

    T squared keeps the size of the gradient when T changes. Hinton, Vinyals, Dean,
    Distilling the Knowledge in a Neural Network, 2015, section 2.

    Args:
        student: logits, `(batch, classes)`.
        teacher: logits, `(batch, classes)`.
        temperature: T, which divides both logits.

    Returns:
        Losses, `(batch,)`.
    """
    return temperature**2 * _divergence(teacher / temperature, student / temperature)


def standardized_kd(
    student: tf.Tensor, teacher: tf.Tensor, temperature: float
) -> tf.Tensor:
    """Compute `kd` of logits with mean 0 and standard deviation 1 in each example.

    The student learns the relations between the teacher's logits, not their size. Sun
    et al., Logit Standardization in Knowledge Distillation, 2024.

    Args:
        student: logits, `(batch, classes)`.
        teacher: logits, `(batch, classes)`.
        temperature: divides both standardized logits.

    Returns:
        Losses, `(batch,)`.
    """
    return kd(_z_score(student), _z_score(teacher), temperature)


def dkd(
    student: tf.Tensor, teacher: tf.Tensor, temperature: float, y: tf.Tensor
) -> tf.Tensor:
    """Compute the decoupled loss: separate weights of the true and the other classes.

    Zhao et al., Decoupled Knowledge Distillation, 2022, equation 7.

    Args:
        student: logits, `(batch, classes)`.
        teacher: logits, `(batch, classes)`.
        temperature: divides both logits.
        y: true classes as probabilities, `(batch, classes)`; the largest counts, so
            that mixed examples can be used.

    Returns:
        Losses, `(batch,)`.
    """
    true = tf.one_hot(tf.argmax(y, axis=-1), y.shape[-1])
    teacher, student = teacher / temperature, student / temperature
    target = _divergence(_true_or_other(teacher, true), _true_or_other(student, true))
    others = _divergence(teacher - 1000 * true, student - 1000 * true)
    return temperature**2 * (target + DKD_BETA * others)


def fitnets(student: tf.Tensor, teacher: tf.Tensor) -> tf.Tensor:
    """Compute the mean squared difference of features of one shape.

    Romero et al., FitNets: Hints for Thin Deep Nets, 2015, equation 3.

    Args:
        student: features, projected to the shape of the teacher's.
        teacher: features, `(batch, ..., channels)`.

    Returns:
        Losses, `(batch,)`.
    """
    return tf.reduce_mean(_flat(tf.square(student - teacher)), axis=-1)


def attention(student: tf.Tensor, teacher: tf.Tensor) -> tf.Tensor:
    """Compute the squared distance of normalized activation maps.

    A map is the mean square over channels, so that their numbers may differ.
    Zagoruyko, Komodakis, Paying More Attention to Attention, 2017, equation 2.

    Args:
        student: features, `(batch, ..., channels)`.
        teacher: features of the same shape; only the channels may differ.

    Returns:
        Losses, `(batch,)`.
    """
    difference = _attention_map(student) - _attention_map(teacher)
    return tf.reduce_sum(tf.square(difference), axis=-1)


def _divergence(teacher: tf.Tensor, student: tf.Tensor) -> tf.Tensor:
    """Compute KL of the softmax of two logits, `(batch,)`."""
    log_teacher, log_student = map(tf.nn.log_softmax, (teacher, student))
    return tf.reduce_sum(tf.exp(log_teacher) * (log_teacher - log_student), axis=-1)


def _z_score(logits: tf.Tensor) -> tf.Tensor:
    mean = tf.reduce_mean(logits, axis=-1, keepdims=True)
    return (logits - mean) / (tf.math.reduce_std(logits, -1, keepdims=True) + TINY)


def _true_or_other(logits: tf.Tensor, true: tf.Tensor) -> tf.Tensor:
    """Reduce to logits of two classes: the true one, and all others together."""
    target = tf.reduce_sum(logits * true, axis=-1)
    return tf.stack([target, tf.reduce_logsumexp(logits - 1000 * true, -1)], axis=-1)


def _attention_map(features: tf.Tensor) -> tf.Tensor:
    energy = tf.reduce_mean(tf.square(features), axis=-1)
    return tf.math.l2_normalize(_flat(energy), axis=-1, epsilon=TINY)
