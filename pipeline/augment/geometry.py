"""Steps that move pixels of images, and their composition.

`flip`, `pad` and `random_crop` move whole pixels; consecutive ones are composed into
one gather. The others are matrices of homogeneous coordinates; consecutive ones are
multiplied into one bilinear projective resampling, in which pixels from outside the
image repeat its edge. `flip` joins the matrices when it follows one.

Maps, such as masks, move with their images: by the same moves, but with the nearest
pixel in place of an interpolation, and `outside` where an image gets zeros. Boxes move
by their corners, see `pipeline.augment.boxes`.

Every step takes a canvas, to which it adds its move, and the draws of the batch; the
ranges of the other arguments are in `pipeline.augment.grammar`.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import tensorflow as tf

from pipeline.augment.boxes import MovedBoxes
from pipeline.augment.draws import Draw


class Canvas:
    """A batch of images with pending moves, applied when pixels are needed.

    Args:
        x: float32, `(batch, height, width, channels)`. Batches of other rank can be
            held, but not moved.
        maps: move with `x`, `(batch, height, width)`; default None.
        outside: value of maps outside of the image; default 0.
        boxes: move with `x`; default None.
    """

    def __init__(
        self,
        x: tf.Tensor,
        maps: tf.Tensor | None = None,
        outside: int = 0,
        boxes: MovedBoxes | None = None,
    ) -> None:
        self.x, self.outside, self.boxes = x, outside, boxes
        self.maps = None if maps is None else maps[..., None]
        self.matrices: list[tf.Tensor] = []
        self.sources: tuple[tf.Tensor, tf.Tensor] | None = None  # rows, columns

    def pixels(self) -> tf.Tensor:
        """Apply all pending moves and return the batch."""
        if self.matrices:
            if self.maps is not None:
                self.maps = _warp(self.maps, self.matrices, "NEAREST")
            self.x, self.matrices = _warp(self.x, self.matrices), []
        if self.sources:
            if self.maps is not None:
                self.maps = _gather(self.maps, *self.sources, self.outside)
            self.x, self.sources = _gather(self.x, *self.sources), None
        return self.x

    def moved_maps(self) -> tf.Tensor:
        """Apply all pending moves and return the maps, `(batch, height, width)`.

        Raises:
            ValueError: without maps.
        """
        self.pixels()
        if self.maps is None:
            raise ValueError("the canvas has no maps")
        return self.maps[..., 0]

    def replace(self, x: tf.Tensor) -> None:
        """Continue with other pixels, `(batch, height, width, channels)`."""
        self.x = x

    def transform(self, matrix: tf.Tensor) -> None:
        """Take each output pixel p, counted from the center, from `matrix @ p`.

        Args:
            matrix: homogeneous coordinates (x, y, 1), `(batch, 3, 3)`.
        """
        if self.sources:
            self.pixels()
        self.matrices.append(matrix)
        if self.boxes is not None:
            self.boxes.transform(matrix, self.size())

    def move(self, rows: tf.Tensor, columns: tf.Tensor) -> None:
        """Take each output pixel (r, c) from (rows[r], columns[c]); outside is 0.

        Args:
            rows: int32, `(batch or 1, new height)`.
            columns: int32, `(batch or 1, new width)`.
        """
        height, width = self.size()
        if self.boxes is not None:
            self.boxes.move(rows, columns)
        if self.matrices:
            self.pixels()
        old_rows, old_columns = self.sources or (_range(height), _range(width))
        self.sources = (
            _compose(old_rows, rows, height),
            _compose(old_columns, columns, width),
        )

    def size(self) -> tuple[int, int]:
        """Return height and width after the pending moves."""
        if self.sources:
            return self.sources[0].shape[1], self.sources[1].shape[1]
        return self.x.shape[1], self.x.shape[2]


def flip(canvas: Canvas, draw: Draw) -> None:
    """Mirror images horizontally with probability 0.5."""
    mirrored = draw.symmetric("side", 1.0) < 0
    if canvas.matrices:
        sign = tf.where(mirrored, -1.0, 1.0)
        zero, one = tf.zeros_like(sign), tf.ones_like(sign)
        canvas.transform(_affine(sign, zero, zero, zero, one, zero))
        return
    height, width = canvas.size()
    columns = _range(width)
    columns = tf.where(mirrored[:, None], width - 1 - columns, columns)
    canvas.move(_range(height), columns)


def pad(canvas: Canvas, draw: Draw, pixels: int) -> None:
    """Add `pixels` of zeros on each side."""
    height, width = canvas.size()
    rows, columns = _range(height + 2 * pixels), _range(width + 2 * pixels)
    canvas.move(rows - pixels, columns - pixels)


def random_crop(canvas: Canvas, draw: Draw, size: int) -> None:
    """Cut out a square of `size` pixels, at a uniform position."""
    height, width = canvas.size()
    top = draw.integer("y", height - size + 1)[:, None]
    left = draw.integer("x", width - size + 1)[:, None]
    canvas.move(_range(size) + top, _range(size) + left)


def shift(canvas: Canvas, draw: Draw, pixels: float) -> None:
    """Translate by up to `pixels` along each axis, by fractions of a pixel too."""
    right, down = draw.symmetric("x", pixels), draw.symmetric("y", pixels)
    zero, one = tf.zeros_like(right), tf.ones_like(right)
    canvas.transform(_affine(one, zero, right, zero, one, down))


def rotate(canvas: Canvas, draw: Draw, degrees: float) -> None:
    """Rotate about the center by up to `degrees`, either way."""
    angle = draw.symmetric("angle", math.radians(degrees))
    cos, sin, zero = tf.cos(angle), tf.sin(angle), tf.zeros_like(angle)
    canvas.transform(_affine(cos, -sin, zero, sin, cos, zero))


def zoom(canvas: Canvas, draw: Draw, fraction: float) -> None:
    """Scale about the center by 1 - fraction .. 1 + fraction."""
    scale = 1.0 / (1.0 + draw.symmetric("scale", fraction))
    zero = tf.zeros_like(scale)
    canvas.transform(_affine(scale, zero, zero, zero, scale, zero))


def shear(canvas: Canvas, draw: Draw, degrees: float) -> None:
    """Shift each row in proportion to its height above the center."""
    slope = tf.tan(draw.symmetric("angle", math.radians(degrees)))
    zero, one = tf.zeros_like(slope), tf.ones_like(slope)
    canvas.transform(_affine(one, slope, zero, zero, one, zero))


def perspective(canvas: Canvas, draw: Draw, fraction: float) -> None:
    """Tilt about both axes; edge centers scale by 1 - fraction .. 1 + fraction."""
    height, width = canvas.size()
    across = draw.symmetric("x", 2 * fraction / width)
    down = draw.symmetric("y", 2 * fraction / height)
    zero, one = tf.zeros_like(across), tf.ones_like(across)
    rows = [one, zero, zero, zero, one, zero, across, down, one]
    canvas.transform(tf.reshape(tf.stack(rows, axis=-1), [-1, 3, 3]))


GEOMETRY_STEPS: dict[str, Callable[..., None]] = {
    "flip": flip,
    "pad": pad,
    "random_crop": random_crop,
    "shift": shift,
    "rotate": rotate,
    "zoom": zoom,
    "shear": shear,
    "perspective": perspective,
}


def _affine(*values: tf.Tensor) -> tf.Tensor:
    """Build `(batch, 3, 3)` from the six numbers of an affine map, each `(batch,)`."""
    zero, one = tf.zeros_like(values[0]), tf.ones_like(values[0])
    return tf.reshape(tf.stack([*values, zero, zero, one], axis=-1), [-1, 3, 3])


def _warp(
    x: tf.Tensor, matrices: list[tf.Tensor], interpolation: str = "BILINEAR"
) -> tf.Tensor:
    """Resample; the output pixel p, counted from the center, is at `product @ p`."""
    product = matrices[0]
    for matrix in matrices[1:]:
        product = product @ matrix
    height, width = x.shape[1], x.shape[2]
    centre = tf.constant([[1, 0, (width - 1) / 2], [0, 1, (height - 1) / 2], [0, 0, 1]])
    product = centre @ product @ tf.linalg.inv(centre)
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=x,
        transforms=tf.reshape(product / product[:, 2:, 2:], [-1, 9])[:, :8],
        output_shape=tf.constant([height, width]),
        fill_value=0.0,
        interpolation=interpolation,
        fill_mode="NEAREST",
    )


def _range(length: int) -> tf.Tensor:
    return tf.range(length, dtype=tf.int32)[None]


def _compose(old: tf.Tensor, new: tf.Tensor, length: int) -> tf.Tensor:
    """Look `new` indices up in `old`; -1 is outside. `(batch or 1, n)`."""
    inside = (new >= 0) & (new < length)
    clipped = tf.clip_by_value(new, 0, length - 1)
    if old.shape[0] == 1:
        looked_up = tf.gather(old[0], clipped)
    else:
        indices = tf.broadcast_to(clipped, [tf.shape(old)[0], tf.shape(new)[1]])
        looked_up = tf.gather(old, indices, batch_dims=1)
    return tf.ensure_shape(tf.where(inside, looked_up, -1), [None, new.shape[1]])


def _gather(
    x: tf.Tensor, rows: tf.Tensor, columns: tf.Tensor, outside: int = 0
) -> tf.Tensor:
    """Read pixels at (row, column); -1 reads `outside`, padded below and right."""
    count = tf.shape(x)[0]
    height, width, channels = x.shape[1], x.shape[2], x.shape[3]
    margins = [[0, 0], [0, 1], [0, 1], [0, 0]]
    padded = tf.pad(x, margins, constant_values=tf.cast(outside, x.dtype))
    offsets = tf.where(rows < 0, height, rows) * (width + 1)
    columns = tf.where(columns < 0, width, columns)
    pixels = offsets[:, :, None] + columns[:, None, :]
    pixels = tf.broadcast_to(pixels, [count, pixels.shape[1], pixels.shape[2]])
    flat = tf.reshape(padded, [count, -1, channels])
    return tf.gather(flat, pixels, batch_dims=1)
