"""Operators whose bits depend on the processor: one call of each on fixed inputs.

In: a path. Out: name -> result there, as .npz. Run by `benchmarks.portable`, once per
imitated processor: python -m benchmarks.operators FILE.npz
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator

import numpy as np

from pipeline.core.determinism import apply_pins

SIZES = ((8, 1, 32, 32), (8, 32, 64, 32), (28, 16, 32, 64))  # of smoke and of 28x28
PRODUCTS = ((32, 64, 10), (32, 576, 64), (128, 3000, 128), (512, 512, 512))
ONE = [1, 1, 1, 1]


def operators() -> Iterator[tuple[str, np.ndarray]]:
    """Name and result of every operator."""
    rng = np.random.default_rng(1)
    for size, channels, filters, batch in SIZES:
        x = _normal(rng, batch, size, size, channels)
        y = _normal(rng, batch, size, size, filters)
        name = f"{size}x{size}x{channels}"
        yield from _convolutions(rng, x, y, name)
        yield from _reductions(x, y, name)
    for rows, inner, columns in PRODUCTS:
        a, b = _normal(rng, rows, inner), _normal(rng, inner, columns)
        yield f"MatMul {rows}x{inner}x{columns}", a @ b
    yield from _elementwise(rng)
    yield from _numpy(rng)


def _normal(rng, *shape: int):
    import tensorflow as tf

    return tf.constant(rng.standard_normal(shape, np.float32))


def _convolutions(rng, x, y, name: str) -> Iterator[tuple[str, np.ndarray]]:
    import tensorflow as tf

    conv, depthwise = tf.compat.v1.nn, tf.nn
    kernel = _normal(rng, 3, 3, x.shape[-1], y.shape[-1])
    yield f"Conv2D {name}", tf.nn.conv2d(x, kernel, 1, "SAME")
    yield (
        f"Conv2DBackpropInput {name}",
        conv.conv2d_backprop_input(x.shape, kernel, y, ONE, "SAME"),
    )
    yield (
        f"Conv2DBackpropFilter {name}",
        conv.conv2d_backprop_filter(x, kernel.shape, y, ONE, "SAME"),
    )
    kernel, z = _normal(rng, 3, 3, x.shape[-1], 1), _normal(rng, *x.shape)
    yield f"Depthwise {name}", depthwise.depthwise_conv2d(x, kernel, ONE, "SAME")
    yield (
        f"DepthwiseBackpropFilter {name}",
        depthwise.depthwise_conv2d_backprop_filter(x, kernel.shape, z, ONE, "SAME"),
    )


def _reductions(x, y, name: str) -> Iterator[tuple[str, np.ndarray]]:
    import tensorflow as tf

    yield f"BiasAddGrad {name}", tf.raw_ops.BiasAddGrad(out_backprop=y)
    yield f"Sum {name}", tf.reduce_sum(y)
    yield f"Mean {name}", tf.reduce_mean(y, [0, 1, 2])
    ones, none = tf.ones(y.shape[-1]), tf.constant([], tf.float32)
    norm = tf.raw_ops.FusedBatchNormV3(
        x=y, scale=ones, offset=ones, mean=none, variance=none, is_training=True
    )
    yield f"FusedBatchNorm {name}", norm[0]
    yield f"FusedBatchNorm variance {name}", norm[2]
    yield f"MaxPool {name}", tf.nn.max_pool2d(x, 2, 2, "SAME")


def _elementwise(rng) -> Iterator[tuple[str, np.ndarray]]:
    import tensorflow as tf

    x = tf.abs(_normal(rng, 64, 64))
    for name in ("exp", "tanh", "sigmoid", "sin", "log", "rsqrt", "erf", "softplus"):
        yield f"tf.{name}", getattr(tf.math, name)(x)
    yield "tf.softmax", tf.nn.softmax(x)


def _numpy(rng) -> Iterator[tuple[str, np.ndarray]]:
    single = np.abs(rng.standard_normal((300, 400), np.float32))
    for array in (single, single.astype(float)):
        for name in ("exp", "tanh", "sin", "log1p", "sum"):
            yield f"numpy.{name} {array.dtype}", getattr(np, name)(array)
        yield f"numpy.dot {array.dtype}", array @ array.T
    yield "math.exp", np.array([math.exp(x) for x in single[0].tolist()])


if __name__ == "__main__":
    apply_pins()
    np.savez(sys.argv[1], **{name: np.asarray(value) for name, value in operators()})
