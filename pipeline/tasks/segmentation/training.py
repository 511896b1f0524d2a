"""Losses and pixel counts of a segmentation in TensorFlow's graph.

Each loss is a map `(batch, height, width)`, so that weights of classes apply to pixels;
pixels of `IGNORED` have a loss of 0. `dice` is 1 minus the mean Dice coefficient of the
classes of an image, the same number in all its pixels (Milletari, Navab, Ahmadi, V-Net:
Fully Convolutional Neural Networks for Volumetric Medical Image Segmentation, 2016).
`focal` is after Lin et al., Focal Loss for Dense Object Detection, 2017.
"""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

from pipeline.tasks.training import TaskTraining

FOCUS = 2.0  # the paper's exponent
SMOOTH = 1.0  # pixels added to both sides of the Dice ratio; small objects stay stable

Loss = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]


def _labeled(y: tf.Tensor, logits: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Return class numbers, 0 where ignored, and 1.0 where a pixel has a label."""
    numbers = tf.reshape(tf.cast(y, tf.int32), tf.shape(logits)[:-1])
    labeled = numbers < logits.shape[-1]
    return tf.where(labeled, numbers, 0), tf.cast(labeled, tf.float32)


def _cross_entropy(y: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    numbers, labeled = _labeled(y, logits)
    loss = tf.nn.sparse_softmax_cross_entropy_with_logits(numbers, logits)
    return loss * labeled


def _focal(y: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    loss = _cross_entropy(y, logits)
    return (1 - tf.exp(-loss)) ** FOCUS * loss


def _dice(y: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    numbers, labeled = _labeled(y, logits)
    entropy = tf.nn.sparse_softmax_cross_entropy_with_logits(numbers, logits)
    probability = tf.exp(-entropy)  # of the true class
    both = _per_class(probability * labeled, numbers, logits.shape[-1])
    true = _per_class(labeled, numbers, logits.shape[-1])
    predicted = tf.einsum("bhwc,bhw->bc", tf.nn.softmax(logits), labeled)
    present = tf.cast(true > 0, tf.float32)
    ratio = (2 * both + SMOOTH) / (true + predicted + SMOOTH)
    count = tf.reduce_sum(present, axis=-1)
    loss = 1 - tf.reduce_sum(ratio * present, axis=-1) / tf.maximum(count, 1.0)
    return tf.ones_like(labeled) * tf.where(count > 0, loss, 0.0)[:, None, None]


def _per_class(values: tf.Tensor, numbers: tf.Tensor, classes: int) -> tf.Tensor:
    """Sum a map over the pixels of each true class, `(batch, classes)`."""
    count = tf.shape(numbers)[0]
    segments = tf.range(count)[:, None, None] * classes + numbers
    sums = tf.math.unsorted_segment_sum(values, segments, count * classes)
    return tf.reshape(sums, [count, classes])


def _sum(first: Loss, second: Loss) -> Loss:
    return lambda y, logits: first(y, logits) + second(y, logits)


def _counts(y: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """Count pixels as `pipeline.tasks.segmentation.counts.pixel_counts` does."""
    classes = logits.shape[-1]
    numbers, labeled = _labeled(y, logits)
    flat = [tf.shape(logits)[0], -1]
    true = tf.reshape(tf.where(labeled > 0, numbers, classes), flat)
    guess = tf.reshape(tf.argmax(logits, -1, output_type=tf.int32), flat)
    guess = tf.where(true < classes, guess, classes)
    both = tf.where(true == guess, true, classes)
    counts = [
        tf.math.bincount(values, minlength=classes + 1, maxlength=classes + 1, axis=-1)
        for values in (both, true, guess)
    ]
    return tf.cast(tf.stack(counts, axis=1)[..., :classes], tf.float32)


TRAINING = TaskTraining(
    evidence=_counts,
    epoch_metric=lambda y: None,
    losses={
        "cross_entropy": _cross_entropy,
        "focal": _focal,
        "dice": _dice,
        "cross_entropy_dice": _sum(_cross_entropy, _dice),
        "focal_dice": _sum(_focal, _dice),
    },
)
