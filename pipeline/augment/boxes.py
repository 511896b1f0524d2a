"""Boxes of objects that move with the pixels of their images.

A box is followed by its four corners; in the end it is the smallest upright box around
them, clipped to the image. An object of which less than `MIN_VISIBLE` of that box is
left in the image is dropped: its row becomes empty.
"""

from __future__ import annotations

import tensorflow as tf

from pipeline.tasks.boxes import EMPTY

MIN_VISIBLE = 0.35  # of the area of a moved box


class MovedBoxes:
    """The boxes of a batch, moved step by step.

    Args:
        y: see `pipeline.tasks.boxes`, `(batch, boxes, 5)`.
        size: height and width of the images in pixels.
    """

    def __init__(self, y: tf.Tensor, size: tuple[int, int]) -> None:
        self.number = y[..., 0]
        left, top, right, bottom = tf.unstack(y[..., 1:], axis=-1)
        x = tf.stack([left, right, left, right], axis=-1) * size[1]
        y = tf.stack([top, top, bottom, bottom], axis=-1) * size[0]
        self.x, self.y = x, y  # of the corners in pixels, `(batch, boxes, 4)`

    def transform(self, matrix: tf.Tensor, size: tuple[int, int]) -> None:
        """Move by the inverse of a matrix; see `geometry.Canvas.transform`.

        Args:
            matrix: from a moved pixel to its origin, from the center, `(batch, 3, 3)`.
            size: height and width of the images in pixels.
        """
        center_x, center_y = size[1] / 2, size[0] / 2
        points = tf.stack(
            [self.x - center_x, self.y - center_y, tf.ones_like(self.x)], axis=-1
        )
        moved = tf.einsum("bij,bnkj->bnki", tf.linalg.inv(matrix), points)
        x, y, scale = tf.unstack(moved, axis=-1)
        self.x, self.y = x / scale + center_x, y / scale + center_y

    def move(self, rows: tf.Tensor, columns: tf.Tensor) -> None:
        """Move by whole pixels; see `geometry.Canvas.move`.

        Args:
            rows: origin of each new row, increasing or decreasing by 1, int32
                `(batch or 1, new height)`.
            columns: likewise of each new column.
        """
        self.x, self.y = _moved(self.x, columns), _moved(self.y, rows)

    def clipped(self, size: tuple[int, int]) -> tf.Tensor:
        """Return the boxes, `(batch, boxes, 5)`; dropped ones are empty.

        Args:
            size: height and width of the moved images in pixels.
        """
        whole = _ends(self.x, self.y)
        limits = tf.constant([size[1], size[0], size[1], size[0]], tf.float32)
        inside = tf.clip_by_value(whole, 0.0, limits)
        visible = _area(inside) >= tf.maximum(MIN_VISIBLE * _area(whole), 1e-6)
        number = tf.where(visible, self.number, EMPTY)[..., None]
        boxes = tf.where(number == EMPTY, 0.0, inside / limits)
        return tf.concat([number, boxes], axis=-1)


def _moved(points: tf.Tensor, origins: tf.Tensor) -> tf.Tensor:
    """Invert `origin = step * new + first` for edges of pixels."""
    first = tf.cast(origins[:, 0], tf.float32)[:, None, None]
    if origins.shape[1] == 1:
        return points - first
    step = tf.cast(origins[:, 1] - origins[:, 0], tf.float32)[:, None, None]
    return step * (points - tf.where(step < 0, first + 1, first))


def _ends(x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
    """Left, top, right and bottom of the corners, `(batch, boxes, 4)`."""
    low = [tf.reduce_min(values, axis=-1) for values in (x, y)]
    high = [tf.reduce_max(values, axis=-1) for values in (x, y)]
    return tf.stack([*low, *high], axis=-1)


def _area(boxes: tf.Tensor) -> tf.Tensor:
    return (boxes[..., 2] - boxes[..., 0]) * (boxes[..., 3] - boxes[..., 1])
