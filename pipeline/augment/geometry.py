"""Steps that move pixels: composed, so that an image is read once for all of them.

`flip`, `pad` and `random_crop` move whole pixels and are one gather; the others are
matrices of homogeneous coordinates, multiplied into one projective resampling.
"""

from __future__ import annotations

import math

import tensorflow as tf

from pipeline.augment.draws import Draw


class Canvas:
    """A batch of images, and the moves that wait until pixels are needed.

    Args:
        x: float32, `(batch, height, width, channels)`.
    """

    def __init__(self, x: tf.Tensor):
        self.x = x
        self.matrices: list[tf.Tensor] = []
        self.places: list[tf.Tensor] | None = None  # source rows, source columns

    def pixels(self) -> tf.Tensor:
        """The images with every waiting move made."""
        if self.matrices:
            self.x, self.matrices = _warp(self.x, self.matrices), []
        if self.places:
            self.x, self.places = _gather(self.x, *self.places), None
        return self.x

    def replace(self, x: tf.Tensor) -> None:
        """Go on with other pixels."""
        self.x = x

    def turn(self, matrix: tf.Tensor) -> None:
        """Output pixel p, from the centre, is taken from `matrix @ p`."""
        if self.places:
            self.pixels()
        self.matrices.append(matrix)

    def move(self, rows: tf.Tensor, columns: tf.Tensor) -> None:
        """Output pixel (r, c) is taken from (rows[r], columns[c]); outside is 0.

        Args:
            rows, columns: int32, `(batch, new height)` and `(batch, new width)`.
        """
        height, width = self.size()
        if self.matrices:
            self.pixels()
        if self.places is None:
            self.places = [_count(height), _count(width)]
        lengths = (height, width)
        moves = zip(self.places, (rows, columns), lengths)
        self.places = [_after(old, new, length) for old, new, length in moves]

    def size(self) -> tuple[int, int]:
        """Height and width after the waiting moves."""
        if self.places:
            return self.places[0].shape[1], self.places[1].shape[1]
        return self.x.shape[1], self.x.shape[2]


def flip(canvas: Canvas, draw: Draw) -> None:
    """Mirror left and right where a draw says so."""
    mirrored = draw("side", 1.0) < 0
    if canvas.matrices:
        sign = tf.where(mirrored, -1.0, 1.0)
        zero, one = tf.zeros_like(sign), tf.ones_like(sign)
        canvas.turn(_matrix(sign, zero, zero, zero, one, zero))
        return
    height, width = canvas.size()
    columns = _count(width)
    columns = tf.where(mirrored[:, None], width - 1 - columns, columns)
    canvas.move(_count(height), columns)


def pad(canvas: Canvas, draw: Draw, pixels: int) -> None:
    """Zeros on each side."""
    height, width = canvas.size()
    canvas.move(
        _count(height + 2 * pixels) - pixels, _count(width + 2 * pixels) - pixels
    )


def random_crop(canvas: Canvas, draw: Draw, size: int) -> None:
    """A square, each place equally likely."""
    height, width = canvas.size()
    top, left = draw.below("y", height - size + 1), draw.below("x", width - size + 1)
    canvas.move(_count(size) + top[:, None], _count(size) + left[:, None])


def shift(canvas: Canvas, draw: Draw, pixels: float) -> None:
    """Move in both directions."""
    right, down = draw("x", pixels), draw("y", pixels)
    zero, one = tf.zeros_like(right), tf.ones_like(right)
    canvas.turn(_matrix(one, zero, right, zero, one, down))


def rotate(canvas: Canvas, draw: Draw, degrees: float) -> None:
    """Turn about the centre."""
    angle = draw("angle", math.radians(degrees))
    cos, sin, zero = tf.cos(angle), tf.sin(angle), tf.zeros_like(angle)
    canvas.turn(_matrix(cos, -sin, zero, sin, cos, zero))


def zoom(canvas: Canvas, draw: Draw, fraction: float) -> None:
    """Scale about the centre."""
    scale = 1.0 / (1.0 + draw("scale", fraction))
    zero = tf.zeros_like(scale)
    canvas.turn(_matrix(scale, zero, zero, zero, scale, zero))


def shear(canvas: Canvas, draw: Draw, degrees: float) -> None:
    """Slant: rows are moved in proportion to their height."""
    slope = tf.tan(draw("angle", math.radians(degrees)))
    zero, one = tf.zeros_like(slope), tf.ones_like(slope)
    canvas.turn(_matrix(one, slope, zero, zero, one, zero))


def perspective(canvas: Canvas, draw: Draw, fraction: float) -> None:
    """Tilt about both axes; at the middle of an edge the scale is 1 +- fraction."""
    height, width = canvas.size()
    across, down = draw("x", 2 * fraction / width), draw("y", 2 * fraction / height)
    zero, one = tf.zeros_like(across), tf.ones_like(across)
    rows = [one, zero, zero, zero, one, zero, across, down, one]
    canvas.turn(tf.reshape(tf.stack(rows, axis=-1), [-1, 3, 3]))


GEOMETRIC = {
    "flip": flip,
    "pad": pad,
    "random_crop": random_crop,
    "shift": shift,
    "rotate": rotate,
    "zoom": zoom,
    "shear": shear,
    "perspective": perspective,
}


def _matrix(*rows: tf.Tensor) -> tf.Tensor:
    """`(batch, 3, 3)` from the six numbers of an affine map, each `(batch,)`."""
    zero, one = tf.zeros_like(rows[0]), tf.ones_like(rows[0])
    return tf.reshape(tf.stack([*rows, zero, zero, one], axis=-1), [-1, 3, 3])


def _warp(x: tf.Tensor, matrices: list[tf.Tensor]) -> tf.Tensor:
    """Resample around the centre; output pixel p is taken from `matrix @ p`."""
    whole = matrices[0]
    for matrix in matrices[1:]:
        whole = whole @ matrix
    height, width = x.shape[1], x.shape[2]
    centre = tf.constant([[1, 0, (width - 1) / 2], [0, 1, (height - 1) / 2], [0, 0, 1]])
    whole = centre @ whole @ tf.linalg.inv(centre)
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=x,
        transforms=tf.reshape(whole / whole[:, 2:, 2:], [-1, 9])[:, :8],
        output_shape=tf.constant([height, width]),
        fill_value=0.0,
        interpolation="BILINEAR",
        fill_mode="NEAREST",
    )


def _count(length: int) -> tf.Tensor:
    return tf.range(length, dtype=tf.int32)[None]


def _after(old: tf.Tensor, new: tf.Tensor, length: int) -> tf.Tensor:
    """Places of `new` in places of `old`; -1 is outside. `(batch or 1, n)`."""
    inside = (new >= 0) & (new < length)
    clipped = tf.clip_by_value(new, 0, length - 1)
    if old.shape[0] == 1:
        found = tf.gather(old[0], clipped)
    else:
        whole = tf.broadcast_to(clipped, [tf.shape(old)[0], tf.shape(new)[1]])
        found = tf.gather(old, whole, batch_dims=1)
    return tf.ensure_shape(tf.where(inside, found, -1), [None, new.shape[1]])


def _gather(x: tf.Tensor, rows: tf.Tensor, columns: tf.Tensor) -> tf.Tensor:
    """Pixels at (row, column); -1 reads the zeros that are added below and right."""
    count, height, width, channels = tf.shape(x)[0], *x.shape[1:]
    bordered = tf.pad(x, [[0, 0], [0, 1], [0, 1], [0, 0]])
    rows = tf.where(rows < 0, height, rows) * (width + 1)
    at = rows[:, :, None] + tf.where(columns < 0, width, columns)[:, None, :]
    at = tf.broadcast_to(at, [count, *at.shape[1:]])
    return tf.gather(tf.reshape(bordered, [count, -1, channels]), at, batch_dims=1)
