"""Steps that change values of images, `(batch, height, width, channels)`.

`noise` and `cutout` also apply to audio, `(batch, frames, bins, 1)`. Every step takes
a batch and its draws, and returns a batch of the same shape; the ranges of the other
arguments are in `pipeline.augment.grammar`.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from pipeline.augment.draws import Draw

GREY = (0.299, 0.587, 0.114)  # ITU-R BT.601
# Rows: brightness and the two chrominance axes (YIQ, of the same standard).
YIQ = np.array([GREY, (0.596, -0.274, -0.322), (0.211, -0.523, 0.312)])
KERNEL_RADIUS = 2.5  # of a blur, in standard deviations


def brightness(x: tf.Tensor, draw: Draw, delta: float) -> tf.Tensor:
    """Add one number from -delta .. delta to all values of an image."""
    return x + _per_image(draw.symmetric("delta", delta))


def contrast(x: tf.Tensor, draw: Draw, fraction: float) -> tf.Tensor:
    """Scale the distance to the image's mean by 1 - fraction .. 1 + fraction."""
    mean = tf.reduce_mean(x, axis=(1, 2, 3), keepdims=True)
    return mean + (x - mean) * (1.0 + _per_image(draw.symmetric("scale", fraction)))


def hue(x: tf.Tensor, draw: Draw, degrees: float) -> tf.Tensor:
    """Rotate the chrominance plane by up to `degrees`; brightness is unchanged."""
    angle = draw.symmetric("angle", math.radians(degrees))[:, None, None]
    constant, cosine, sine = (_in_rgb(matrix) for matrix in _ROTATION)
    matrix = constant + tf.cos(angle) * cosine + tf.sin(angle) * sine
    flat = tf.reshape(x, [-1, x.shape[1] * x.shape[2], 3])
    return tf.reshape(tf.matmul(flat, matrix, transpose_b=True), tf.shape(x))


def saturation(x: tf.Tensor, draw: Draw, fraction: float) -> tf.Tensor:
    """Scale the distance to gray by 1 - fraction .. 1 + fraction."""
    grey = tf.reduce_sum(x * tf.constant(GREY), axis=-1, keepdims=True)
    return grey + (x - grey) * (1.0 + _per_image(draw.symmetric("scale", fraction)))


def noise(x: tf.Tensor, draw: Draw, amount: float) -> tf.Tensor:
    """Add a number from -amount .. amount to each value."""
    shape = x.shape[1:]
    added = draw.symmetric("pixel", amount, shape.num_elements())
    return x + tf.reshape(added, [-1, *shape])


def blur(x: tf.Tensor, draw: Draw, sigma: float) -> tf.Tensor:
    """Blur by a Gaussian of 0 .. sigma pixels, mirroring the image at its edge."""
    drawn = _per_image(tf.maximum(draw.uniform("sigma") * sigma, 1e-3))
    for axis in (1, 2):
        x = _blur_along(x, drawn, axis, math.ceil(KERNEL_RADIUS * sigma))
    return x


def cutout(x: tf.Tensor, draw: Draw, size: int) -> tf.Tensor:
    """Set a square to 0, its center uniform in the image and its rest clipped.

    DeVries, Taylor, Improved Regularization of Convolutional Neural Networks with
    Cutout, 2017.
    """
    rows = _stretch(draw, "y", x.shape[1], size)[:, :, None, None]
    columns = _stretch(draw, "x", x.shape[2], size)[:, None, :, None]
    return tf.where(rows & columns, 0.0, x)


PIXEL_STEPS: dict[str, Callable[..., tf.Tensor]] = {
    "brightness": brightness,
    "contrast": contrast,
    "hue": hue,
    "saturation": saturation,
    "noise": noise,
    "blur": blur,
    "cutout": cutout,
}

# In YIQ, a rotation by t is the first, plus cos t times the second, plus sin t times
# the third.
_ROTATION = (
    np.diag([1.0, 0, 0]),
    np.diag([0, 1.0, 1]),
    np.array([[0, 0, 0], [0, 0, -1.0], [0, 1, 0]]),
)


def _in_rgb(matrix: np.ndarray) -> tf.Tensor:
    return tf.constant(np.linalg.inv(YIQ) @ matrix @ YIQ, tf.float32)


def _per_image(values: tf.Tensor) -> tf.Tensor:
    return values[:, None, None, None]


def _stretch(draw: Draw, name: str, length: int, size: int) -> tf.Tensor:
    """True on `size` positions around a uniform center; `(batch, length)`."""
    begin = draw.integer(name, length)[:, None] - size // 2
    position = tf.range(length)[None]
    return (position >= begin) & (position < begin + size)


def _blur_along(x: tf.Tensor, sigma: tf.Tensor, axis: int, radius: int) -> tf.Tensor:
    length = x.shape[axis]
    radius = min(radius, length - 1)
    margins = [[radius, radius] if number == axis else [0, 0] for number in range(4)]
    padded = tf.pad(x, margins, "SYMMETRIC")
    total, weights = tf.zeros_like(x), tf.zeros_like(sigma)
    for step in range(-radius, radius + 1):
        weight = tf.exp(-0.5 * (step / sigma) ** 2)
        near = tf.gather(padded, tf.range(length) + radius + step, axis=axis)
        total, weights = total + weight * near, weights + weight
    return total / weights
