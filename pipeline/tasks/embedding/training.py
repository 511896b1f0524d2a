"""Losses and vectors of an embedding in TensorFlow's graph.

`triplet` compares the examples of a batch: an anchor is to be nearer to each example of
its class than to the nearest one of another class, by a margin. Of the other classes it
takes the semi-hard example: the nearest one that is farther than the positive, or else
the farthest one (Schroff, Kalenichenko, Philbin, FaceNet: A Unified Embedding for Face
Recognition and Clustering, 2015, section 3.2).

`arcface` classifies the training classes by the angle to a learned direction per class,
with a margin added to the true angle (Deng, Guo, Xue, Zafeiriou, ArcFace: Additive
Angular Margin Loss for Deep Face Recognition, 2019). The directions are trained with
the model and are no part of it. Classes of validation have none, so its validation loss
is that of `triplet`.

Distances in the losses are squared Euclidean distances of vectors of length 1, 0 .. 4.
"""

from __future__ import annotations

from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf

from pipeline.tasks.relation import relation
from pipeline.tasks.training import TaskTraining

MARGIN = 0.2  # of triplets; the paper's
ANGLE = 0.5  # margin of ArcFace in radians; the paper's
# Factor of the cosines. The paper's 64 is for 85,000 classes; with few, smaller factors
# are recommended (Zhang et al., AdaCos, 2019).
SCALE = 16.0
LIMIT = 1 - 1e-6  # of cosines, where the gradient of the angle is finite
PER_CLASS = 4  # examples of a class that are next to each other in a batch
TINY = 1e-12  # added to the squared length of a vector


def _unit(outputs: tf.Tensor) -> tf.Tensor:
    return tf.math.l2_normalize(outputs, axis=-1, epsilon=TINY)


def triplet(y: tf.Tensor, outputs: tf.Tensor) -> tf.Tensor:
    """Compute the semi-hard triplet loss of each anchor, `(batch,)`.

    Args:
        y: class numbers, `(batch,)`.
        outputs: of the model, `(batch, size)`.

    Returns:
        The mean over the other examples of the anchor's class; 0 for an anchor without
        one, or in a batch of one class.
    """
    vectors, numbers = _unit(outputs), tf.reshape(y, [-1])
    away = tf.maximum(2 - 2 * tf.matmul(vectors, vectors, transpose_b=True), 0.0)
    same = numbers[:, None] == numbers
    positive = same & ~tf.eye(tf.shape(away)[0], dtype=tf.bool)
    semi_hard = _semi_hard(away, ~same)
    losses = tf.maximum(away - semi_hard + MARGIN, 0.0)
    counted = tf.cast(positive & tf.reduce_any(~same, 1, keepdims=True), away.dtype)
    return tf.reduce_sum(losses * counted, 1) / tf.maximum(tf.reduce_sum(counted, 1), 1)


def _semi_hard(away: tf.Tensor, other: tf.Tensor) -> tf.Tensor:
    """Distance of each pair's semi-hard negative, `(anchors, positives)`.

    Args:
        away: distances, `(batch, batch)`.
        other: True where classes differ.
    """
    count = tf.reduce_sum(tf.cast(other, tf.int32), axis=1, keepdims=True)
    order = tf.argsort(tf.where(other, away, tf.float32.max), axis=1)  # others first
    ordered = tf.gather(away, order, axis=1, batch_dims=1)
    known = tf.sequence_mask(count[:, 0], tf.shape(away)[1])
    bounds = tf.stop_gradient(tf.where(known, ordered, tf.float32.max))
    nearer = tf.searchsorted(bounds, tf.stop_gradient(away), side="right")
    chosen = tf.maximum(tf.minimum(nearer, count - 1), 0)
    return tf.gather(ordered, chosen, axis=1, batch_dims=1)


class ArcFace:
    """Additive angular margin, with a trained direction per training class.

    Args:
        size: length of the model's vectors.
        y: class numbers of the training examples, `(n,)`.
        seed: of the initial directions.
    """

    def __init__(self, size: int, y: np.ndarray, seed: int):
        classes = np.unique(y)
        row = np.zeros(int(classes.max()) + 1, np.int32)
        row[classes] = np.arange(len(classes))
        self.row, self.count = tf.constant(row), len(classes)
        initializer = keras.initializers.GlorotUniform(seed)
        directions = keras.Variable(
            initializer((self.count, size)), name="arcface_directions"
        )
        self.directions = directions
        self.variables: Sequence[keras.Variable] = (directions,)

    def __call__(self, y: tf.Tensor, outputs: tf.Tensor) -> tf.Tensor:
        """Compute the loss of each example, `(batch,)`.

        Args:
            y: class numbers, `(batch,)`, of the training classes.
            outputs: of the model, `(batch, size)`.
        """
        directions = _unit(tf.convert_to_tensor(self.directions))
        cosines = tf.matmul(_unit(outputs), directions, transpose_b=True)
        rows = tf.gather(self.row, tf.cast(tf.reshape(y, [-1]), tf.int32))
        true = tf.one_hot(rows, self.count)
        angles = tf.acos(tf.clip_by_value(cosines, -LIMIT, LIMIT))
        farther = tf.cos(tf.minimum(angles + ANGLE, np.pi))
        logits = SCALE * (true * farther + (1 - true) * cosines)
        return tf.nn.sparse_softmax_cross_entropy_with_logits(rows, logits)


def _distilled(outputs: tf.Tensor, teacher: tf.Tensor) -> tf.Tensor:
    """Compare distances and angles within a batch with the teacher's, `(batch,)`."""
    return relation(_unit(outputs), _unit(teacher))


TRAINING = TaskTraining(
    evidence=lambda y, outputs: _unit(outputs),
    epoch_metric=lambda y: None,
    losses={"triplet": triplet, "arcface": triplet},
    heads={"arcface": ArcFace},
    distillation=_distilled,
    per_class=PER_CLASS,
)
