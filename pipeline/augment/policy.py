"""A policy applied to batches of images, the same whatever the parallelism.

    policy = Policy("shift(1) | rotate(8)", seed=7)
    policy(images, epoch, index)      # inside tf.data's map, in TensorFlow's graph

Steps that move pixels are composed into one projective transform, so that an
image is resampled once whatever their number.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import tensorflow as tf

from pipeline.augment.draws import uniform
from pipeline.augment.grammar import GRAMMAR
from pipeline.engine.determinism import derive_seed
from pipeline.pipes import Step, parse_pipe, str_pipe

Draw = Callable[..., tf.Tensor]


class Policy:
    """A parsed pipe of augmentation steps.

    Args:
        pipe: see `pipeline.augment.grammar`; empty leaves images as they are.
        seed: draws are a function of it, the epoch and the example.
    """

    def __init__(self, pipe: str, seed: int):
        self.steps = parse_pipe(pipe, GRAMMAR)
        self.seed = seed

    def __str__(self) -> str:
        return str_pipe(self.steps)

    def __call__(self, x: tf.Tensor, epoch: tf.Tensor, index: tf.Tensor) -> tf.Tensor:
        """Augment a batch.

        Args:
            x: float32 model inputs, `(batch, height, width, channels)`.
            epoch: scalar; each epoch has draws of its own.
            index: positions in the training split, `(batch,)`.
        """
        matrices = []
        for at, step in enumerate(self.steps):
            draw = self._draw(at, step, epoch, index)
            if step.name in GEOMETRIC:
                matrices.append(GEOMETRIC[step.name](draw, **step.args))
            else:
                x = PIXELWISE[step.name](_warp(x, matrices), draw, **step.args)
                matrices = []
        return _warp(x, matrices)

    def _draw(self, at: int, step: Step, epoch: tf.Tensor, index: tf.Tensor) -> Draw:
        def draw(name: str, reach: float, pixels: int = 0) -> tf.Tensor:
            """Uniform in -reach .. reach."""
            key = derive_seed(self.seed, at, step.name, name)
            return (2 * uniform(key, epoch, index, pixels) - 1) * reach

        return draw


def _flip(draw: Draw) -> tf.Tensor:
    sign = tf.where(draw("side", 1.0) < 0, -1.0, 1.0)
    zero, one = tf.zeros_like(sign), tf.ones_like(sign)
    return _matrix(sign, zero, zero, zero, one, zero)


def _shift(draw: Draw, pixels: float) -> tf.Tensor:
    right, down = draw("x", pixels), draw("y", pixels)
    zero, one = tf.zeros_like(right), tf.ones_like(right)
    return _matrix(one, zero, right, zero, one, down)


def _rotate(draw: Draw, degrees: float) -> tf.Tensor:
    angle = draw("angle", math.radians(degrees))
    cos, sin, zero = tf.cos(angle), tf.sin(angle), tf.zeros_like(angle)
    return _matrix(cos, -sin, zero, sin, cos, zero)


def _zoom(draw: Draw, fraction: float) -> tf.Tensor:
    scale = 1.0 / (1.0 + draw("scale", fraction))
    zero = tf.zeros_like(scale)
    return _matrix(scale, zero, zero, zero, scale, zero)


def _brightness(x: tf.Tensor, draw: Draw, delta: float) -> tf.Tensor:
    return x + draw("delta", delta)[:, None, None, None]


def _contrast(x: tf.Tensor, draw: Draw, fraction: float) -> tf.Tensor:
    mean = tf.reduce_mean(x, axis=(1, 2, 3), keepdims=True)
    return mean + (x - mean) * (1.0 + draw("scale", fraction)[:, None, None, None])


def _noise(x: tf.Tensor, draw: Draw, amount: float) -> tf.Tensor:
    shape = x.shape[1:]
    return x + tf.reshape(draw("pixel", amount, shape.num_elements()), [-1, *shape])


GEOMETRIC = {"flip": _flip, "shift": _shift, "rotate": _rotate, "zoom": _zoom}
PIXELWISE = {"brightness": _brightness, "contrast": _contrast, "noise": _noise}


def _matrix(*rows: tf.Tensor) -> tf.Tensor:
    """`(batch, 3, 3)` from the six numbers of an affine map, each `(batch,)`."""
    zero, one = tf.zeros_like(rows[0]), tf.ones_like(rows[0])
    return tf.reshape(tf.stack([*rows, zero, zero, one], axis=-1), [-1, 3, 3])


def _warp(x: tf.Tensor, matrices: list[tf.Tensor]) -> tf.Tensor:
    """Resample around the centre; output pixel p is taken from `matrix @ p`."""
    if not matrices:
        return x
    whole = matrices[0]
    for matrix in matrices[1:]:
        whole = whole @ matrix
    height, width = x.shape[1], x.shape[2]
    centre = tf.constant([[1, 0, (width - 1) / 2], [0, 1, (height - 1) / 2], [0, 0, 1]])
    whole = centre @ whole @ tf.linalg.inv(centre)
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=x,
        transforms=tf.reshape(whole, [-1, 9])[:, :8],
        output_shape=tf.constant([height, width]),
        fill_value=0.0,
        interpolation="BILINEAR",
        fill_mode="NEAREST",
    )
