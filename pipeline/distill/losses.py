"""Losses by which a student learns from a teacher, each from its paper.

Of logits, `(batch, classes)`, or of features, `(batch, ..., channels)`; each returns
one loss for each example, `(batch,)`.
"""

from __future__ import annotations

import tensorflow as tf

TINY = 1e-7
DKD_OTHERS = 8.0  # the paper's beta for most pairs; its alpha is 1
ANGLES = 2.0  # RKD's weight of angles; that of distances is 1


def hinton(student: tf.Tensor, teacher: tf.Tensor, temperature: float) -> tf.Tensor:
    """KL(teacher || student) of the softened outputs, times T squared.

    T squared keeps the gradient's size when T changes. Hinton, Vinyals, Dean,
    Distilling the Knowledge in a Neural Network, 2015, section 2.
    """
    return temperature**2 * _divergence(teacher / temperature, student / temperature)


def standardised(
    student: tf.Tensor, teacher: tf.Tensor, temperature: float
) -> tf.Tensor:
    """Hinton's, on logits of mean 0 and deviation 1 in each example.

    The student need not reach the size of the teacher's logits, only their
    relations. Sun et al., Logit Standardization in Knowledge Distillation, 2024.
    """
    return hinton(_z_score(student), _z_score(teacher), temperature)


def decoupled(
    student: tf.Tensor, teacher: tf.Tensor, temperature: float, y: tf.Tensor
) -> tf.Tensor:
    """How sure of the true class, and which others are likely, weighed apart.

    Zhao et al., Decoupled Knowledge Distillation, 2022, equation 7.

    Args:
        y: the true classes, one-hot; of mixed examples the largest share counts.
    """
    true = tf.one_hot(tf.argmax(y, axis=-1), y.shape[-1])
    teacher, student = teacher / temperature, student / temperature
    target = _divergence(_target_or_not(teacher, true), _target_or_not(student, true))
    others = _divergence(teacher - 1000 * true, student - 1000 * true)
    return temperature**2 * (target + DKD_OTHERS * others)


def hint(student: tf.Tensor, teacher: tf.Tensor) -> tf.Tensor:
    """Squared distance of features, the student's projected to the teacher's width.

    Romero et al., FitNets: Hints for Thin Deep Nets, 2015, equation 3.
    """
    return _mean_of_each(tf.square(student - teacher))


def attention(student: tf.Tensor, teacher: tf.Tensor) -> tf.Tensor:
    """Squared distance of where the activations are, whatever their channels.

    Zagoruyko, Komodakis, Paying More Attention to Attention, 2017, equation 2.
    """
    return tf.reduce_sum(tf.square(_map_of(student) - _map_of(teacher)), axis=-1)


def relation(student: tf.Tensor, teacher: tf.Tensor) -> tf.Tensor:
    """Distances and angles between the examples of a batch.

    Park et al., Relational Knowledge Distillation, 2019, equations 5 and 9.
    """
    s, t = (_flat(x) for x in (student, teacher))
    distances = _huber(_distances(s) - _distances(t))
    angles = _huber(_angles(s) - _angles(t))
    return tf.reduce_mean(distances, 1) + ANGLES * tf.reduce_mean(angles, (1, 2))


def _divergence(teacher: tf.Tensor, student: tf.Tensor) -> tf.Tensor:
    """KL of the softmax of two logits, `(batch,)`."""
    log_teacher, log_student = map(tf.nn.log_softmax, (teacher, student))
    return tf.reduce_sum(tf.exp(log_teacher) * (log_teacher - log_student), axis=-1)


def _z_score(logits: tf.Tensor) -> tf.Tensor:
    mean = tf.reduce_mean(logits, axis=-1, keepdims=True)
    return (logits - mean) / (tf.math.reduce_std(logits, -1, keepdims=True) + TINY)


def _target_or_not(logits: tf.Tensor, true: tf.Tensor) -> tf.Tensor:
    """Logits of two classes: the true one, and all others together."""
    target = tf.reduce_sum(logits * true, axis=-1)
    return tf.stack([target, tf.reduce_logsumexp(logits - 1000 * true, -1)], axis=-1)


def _map_of(features: tf.Tensor) -> tf.Tensor:
    energy = tf.reduce_mean(tf.square(features), axis=-1)
    return tf.math.l2_normalize(_flat(energy), axis=-1, epsilon=TINY)


def _distances(x: tf.Tensor) -> tf.Tensor:
    """Between all pairs, `(batch, batch)`, with a mean of 1."""
    squared = tf.reduce_sum(tf.square(x[:, None] - x[None]), axis=-1)
    found = tf.sqrt(tf.maximum(squared, TINY**2)) * tf.cast(squared > 0, x.dtype)
    positive = tf.cast(squared > 0, x.dtype)
    mean = tf.reduce_sum(found) / tf.maximum(tf.reduce_sum(positive), 1.0)
    return found / (mean + TINY)


def _angles(x: tf.Tensor) -> tf.Tensor:
    """Cosines of the angles at each example between all pairs of others."""
    between = tf.math.l2_normalize(x[None] - x[:, None], axis=-1, epsilon=TINY**2)
    return tf.matmul(between, between, transpose_b=True)


def _huber(error: tf.Tensor) -> tf.Tensor:
    size = tf.abs(error)
    inside = tf.minimum(size, 1.0)
    return inside * (size - inside / 2)


def _flat(x: tf.Tensor) -> tf.Tensor:
    return tf.reshape(x, [tf.shape(x)[0], -1])


def _mean_of_each(x: tf.Tensor) -> tf.Tensor:
    return tf.reduce_mean(_flat(x), axis=-1)
