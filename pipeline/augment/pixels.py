"""Steps that change the values of pixels, `(batch, height, width, channels)`."""

from __future__ import annotations

import math

import numpy as np
import tensorflow as tf

from pipeline.augment.draws import Draw

GREY = (0.299, 0.587, 0.114)  # ITU-R BT.601
# Rows: brightness, and the two axes of colour (YIQ, of the same standard).
YIQ = np.array([GREY, (0.596, -0.274, -0.322), (0.211, -0.523, 0.312)])


def brightness(x: tf.Tensor, draw: Draw, delta: float) -> tf.Tensor:
    """Add one number to an image."""
    return x + _wide(draw("delta", delta))


def contrast(x: tf.Tensor, draw: Draw, fraction: float) -> tf.Tensor:
    """Scale about the image's mean."""
    mean = tf.reduce_mean(x, axis=(1, 2, 3), keepdims=True)
    return mean + (x - mean) * (1.0 + _wide(draw("scale", fraction)))


def hue(x: tf.Tensor, draw: Draw, degrees: float) -> tf.Tensor:
    """Turn the two axes of colour; brightness stays."""
    angle = draw("angle", math.radians(degrees))[:, None, None]
    still, cos, sin = (_in_rgb(part) for part in _ROTATION)
    matrix = still + tf.cos(angle) * cos + tf.sin(angle) * sin
    flat = tf.reshape(x, [-1, x.shape[1] * x.shape[2], 3])
    return tf.reshape(tf.matmul(flat, matrix, transpose_b=True), tf.shape(x))


def saturation(x: tf.Tensor, draw: Draw, fraction: float) -> tf.Tensor:
    """Scale about the grey of the same brightness."""
    grey = tf.reduce_sum(x * tf.constant(GREY), axis=-1, keepdims=True)
    return grey + (x - grey) * (1.0 + _wide(draw("scale", fraction)))


def noise(x: tf.Tensor, draw: Draw, amount: float) -> tf.Tensor:
    """Add a number to each value."""
    shape = x.shape[1:]
    return x + tf.reshape(draw("pixel", amount, shape.num_elements()), [-1, *shape])


def blur(x: tf.Tensor, draw: Draw, sigma: float) -> tf.Tensor:
    """Gaussian, along rows and then columns; the edge mirrors the image."""
    deviation = _wide(tf.maximum(draw.unit("sigma") * sigma, 1e-3))
    for axis in (1, 2):
        x = _blur_along(x, deviation, axis, math.ceil(2.5 * sigma))
    return x


def cutout(x: tf.Tensor, draw: Draw, size: int) -> tf.Tensor:
    """A square of zeros, its centre anywhere (DeVries, Taylor, 2017)."""
    inside = None
    for axis, name in ((1, "y"), (2, "x")):
        length = x.shape[axis]
        begin = draw.below(name, length)[:, None] - size // 2
        place = tf.range(length)[None]
        band = (place >= begin) & (place < begin + size)
        band = band[:, :, None, None] if axis == 1 else band[:, None, :, None]
        inside = band if inside is None else inside & band
    return tf.where(inside, 0.0, x)


PIXELWISE = {
    "brightness": brightness,
    "contrast": contrast,
    "hue": hue,
    "saturation": saturation,
    "noise": noise,
    "blur": blur,
    "cutout": cutout,
}

_ROTATION = (
    np.diag([1.0, 0, 0]),
    np.diag([0, 1.0, 1]),
    np.array([[0, 0, 0], [0, 0, -1.0], [0, 1, 0]]),
)


def _in_rgb(part: np.ndarray) -> tf.Tensor:
    return tf.constant(np.linalg.inv(YIQ) @ part @ YIQ, tf.float32)


def _wide(values: tf.Tensor) -> tf.Tensor:
    return values[:, None, None, None]


def _blur_along(x: tf.Tensor, sigma: tf.Tensor, axis: int, radius: int) -> tf.Tensor:
    length = x.shape[axis]
    radius = min(radius, length - 1)
    margins = [[radius, radius] if at == axis else [0, 0] for at in range(4)]
    padded = tf.pad(x, margins, "SYMMETRIC")
    total, weights = tf.zeros_like(x), tf.zeros_like(sigma)
    for step in range(-radius, radius + 1):
        weight = tf.exp(-0.5 * (step / sigma) ** 2)
        near = tf.gather(padded, tf.range(length) + radius + step, axis=axis)
        total, weights = total + weight * near, weights + weight
    return total / weights
