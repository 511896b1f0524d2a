"""Losses of a detection in TensorFlow's graph.

In: boxes `(batch, boxes, 5)`, see `pipeline.tasks.boxes`, and outputs, see `decoding`.
Out: one loss per image.

Scores are compared with a heat map: 1 in the cell of an object's center, and around it
a Gaussian that is wider for larger objects (Zhou, Wang, Kraehenbuehl, Objects as
Points, 2019), by the focal loss of soft targets (Li et al., Generalized Focal Loss,
2020). Distances are learned in cells where the heat is at least `NEAR_CENTER`, by
generalized IoU (Rezatofighi et al., Generalized Intersection over Union, 2019) or the
absolute error relative to the size of the object. In distillation, the outputs of the
teacher are the targets.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from pipeline.tasks.boxes import EMPTY
from pipeline.tasks.detection.decoding import CANDIDATES, FOUND, SIDES, decode
from pipeline.tasks.training import Loss, TaskTraining

SPREAD = 0.1  # standard deviation of the heat, in sides of the box
MIN_SPREAD = 0.35  # in cells, added to it
NEAR_CENTER = 0.3  # heat of cells in which distances are learned
ALONE = 0.05  # weight of the absolute error, which moves boxes that do not overlap
TINY = 1e-6


@dataclass(frozen=True)
class CellTargets:
    """Targets of every cell.

    Args:
        heat: score per class, `(batch, rows, columns, classes)` in 0 .. 1.
        counted: 0 where an ignored object hides the score, of the same shape.
        distances: to the four sides, `(batch, rows, columns, 4)`.
        weights: of the distances, `(batch, rows, columns)`.
    """

    heat: tf.Tensor
    counted: tf.Tensor
    distances: tf.Tensor
    weights: tf.Tensor


def cell_targets(y: tf.Tensor, outputs: tf.Tensor) -> CellTargets:
    """Compute the targets of every cell.

    Args:
        y: boxes, `(batch, boxes, 5)`; or outputs of a teacher, of the shape of
            `outputs`.
        outputs: `(batch, rows, columns, classes + 4)`.
    """
    if len(y.shape) == len(outputs.shape):
        return _of_teacher(tf.cast(y, tf.float32))
    return _of_boxes(tf.cast(y, tf.float32), outputs)


def _of_teacher(outputs: tf.Tensor) -> CellTargets:
    heat = tf.sigmoid(outputs[..., :-SIDES])
    weights = _near(tf.reduce_max(heat, axis=-1))
    return CellTargets(heat, tf.ones_like(heat), outputs[..., -SIDES:], weights)


def _of_boxes(y: tf.Tensor, outputs: tf.Tensor) -> CellTargets:
    rows, columns = outputs.shape[1], outputs.shape[2]
    classes = outputs.shape[3] - SIDES
    size = tf.constant([columns, rows, columns, rows], tf.float32)
    boxes, number = y[..., 1:] * size, y[..., 0]
    real = tf.cast(number > EMPTY, tf.float32)
    heats = _heats(boxes, rows, columns) * real[..., None, None]
    covered = (
        _covered(boxes, rows, columns)
        * tf.cast(number < EMPTY, tf.float32)[..., None, None]
    )
    owner = tf.argmax(heats, axis=1, output_type=tf.int32)
    distances = _distances(tf.gather(boxes, owner, batch_dims=1), rows, columns)
    return CellTargets(
        heat=_per_class(heats, number, classes),
        counted=1 - _per_class(covered, -2 - number, classes),
        distances=distances,
        weights=_near(tf.reduce_max(heats, axis=1)),
    )


def _near(heat: tf.Tensor) -> tf.Tensor:
    return tf.where(heat >= NEAR_CENTER, heat, 0.0)


def _heats(boxes: tf.Tensor, rows: int, columns: int) -> tf.Tensor:
    """Heat of each object in each cell, `(batch, boxes, rows, columns)`."""
    across = _gaussian(boxes[..., 0], boxes[..., 2], columns)
    down = _gaussian(boxes[..., 1], boxes[..., 3], rows)
    return down[..., :, None] * across[..., None, :]


def _gaussian(low: tf.Tensor, high: tf.Tensor, count: int) -> tf.Tensor:
    """Heat along one axis around the cell of the center, `(batch, boxes, count)`."""
    own = tf.clip_by_value(tf.floor((low + high) / 2), 0.0, count - 1.0)
    spread = SPREAD * (high - low) + MIN_SPREAD
    steps = (tf.range(count, dtype=tf.float32) - own[..., None]) / spread[..., None]
    return tf.exp(-0.5 * steps**2)


def _covered(boxes: tf.Tensor, rows: int, columns: int) -> tf.Tensor:
    """1 in the cells whose center is in a box, `(batch, boxes, rows, columns)`."""

    def inside(low: tf.Tensor, high: tf.Tensor, count: int) -> tf.Tensor:
        center = tf.range(count, dtype=tf.float32) + 0.5
        within = (center >= low[..., None]) & (center <= high[..., None])
        return tf.cast(within, tf.float32)

    across = inside(boxes[..., 0], boxes[..., 2], columns)
    down = inside(boxes[..., 1], boxes[..., 3], rows)
    return down[..., :, None] * across[..., None, :]


def _per_class(values: tf.Tensor, number: tf.Tensor, classes: int) -> tf.Tensor:
    """Maximum over the objects of each class, `(batch, rows, columns, classes)`."""
    shape = tf.shape(values)
    batch, rows, columns = shape[0], shape[2], shape[3]
    of_class = tf.cast(number, tf.int32)
    valid = (of_class >= 0) & (of_class < classes)
    segments = tf.where(valid, tf.range(batch)[:, None] * classes + of_class, -1)
    flat = tf.reshape(values, [-1, rows, columns])
    most = tf.math.unsorted_segment_max(
        flat, tf.reshape(segments, [-1]), batch * classes
    )
    maps = tf.reshape(tf.maximum(most, 0.0), [batch, classes, rows, columns])
    return tf.transpose(maps, [0, 2, 3, 1])


def _distances(boxes: tf.Tensor, rows: int, columns: int) -> tf.Tensor:
    """Distances from the center of each cell to the sides of its box, in cells."""
    x = tf.range(columns, dtype=tf.float32)[None, None, :] + 0.5
    y = tf.range(rows, dtype=tf.float32)[None, :, None] + 0.5
    left, top, right, bottom = tf.unstack(boxes, axis=-1)
    return tf.stack([x - left, y - top, right - x, bottom - y], axis=-1)


def _score_loss(targets: CellTargets, logits: tf.Tensor) -> tf.Tensor:
    entropy = tf.nn.sigmoid_cross_entropy_with_logits(targets.heat, logits)
    focus = (targets.heat - tf.sigmoid(logits)) ** 2
    total = tf.reduce_sum(focus * entropy * targets.counted, axis=(1, 2, 3))
    return total / tf.maximum(tf.reduce_sum(targets.heat, axis=(1, 2, 3)), 1.0)


def _giou_loss(true: tf.Tensor, predicted: tf.Tensor) -> tf.Tensor:
    """1 minus generalized IoU of boxes around one point, from their distances."""
    inside = tf.maximum(predicted, TINY)
    both, whole = tf.minimum(true, inside), tf.maximum(true, inside)
    shared = _area(tf.maximum(both, 0.0))
    union = _area(true) + _area(inside) - shared
    hull = tf.maximum(_area(whole), TINY)
    overlap = shared / tf.maximum(union, TINY) - (hull - union) / hull
    error = tf.reduce_mean(tf.abs(true - predicted), axis=-1)
    return 1 - overlap + ALONE * error


def _l1_loss(true: tf.Tensor, predicted: tf.Tensor) -> tf.Tensor:
    """Absolute error of the distances, in units of half the mean side of the box."""
    size = tf.maximum(tf.reduce_mean(true, axis=-1), 0.5)
    return tf.reduce_mean(tf.abs(true - predicted), axis=-1) / size


def _area(distances: tf.Tensor) -> tf.Tensor:
    left, top, right, bottom = tf.unstack(distances, axis=-1)
    return (left + right) * (top + bottom)


def _loss_with(box_loss: Loss) -> Loss:
    def loss(y: tf.Tensor, outputs: tf.Tensor) -> tf.Tensor:
        targets = cell_targets(y, outputs)
        scores = _score_loss(targets, outputs[..., :-SIDES])
        errors = box_loss(targets.distances, outputs[..., -SIDES:]) * targets.weights
        total = tf.reduce_sum(targets.weights, axis=(1, 2))
        return scores + tf.reduce_sum(errors, axis=(1, 2)) / tf.maximum(total, 1.0)

    return loss


def _found(y: tf.Tensor, outputs: tf.Tensor) -> tf.Tensor:
    """Find boxes as `pipeline.tasks.detection.decoding.decode` does."""
    found = tf.numpy_function(decode, [outputs], tf.float32, stateful=False)
    return tf.ensure_shape(found, [None, CANDIDATES, FOUND])


def _no_epoch_metric(y: np.ndarray) -> None:
    return None


TRAINING = TaskTraining(
    evidence=_found,
    epoch_metric=_no_epoch_metric,
    losses={"focal_giou": _loss_with(_giou_loss), "focal_l1": _loss_with(_l1_loss)},
)
