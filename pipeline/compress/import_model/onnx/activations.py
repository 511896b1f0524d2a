"""Rebuild activations."""

from __future__ import annotations

import math
from collections.abc import Callable

import keras
import numpy as np

from pipeline.compress.import_model.onnx.builder import NodeBuilder, Rebuild
from pipeline.compress.import_model.onnx.values import Value, constant_in_order, plain

POSITIVE = ("sigmoid",)
CLOSE = 1e-4  # exporters write 1/6 with few digits


def named(activation: str) -> Callable[[NodeBuilder], Value]:
    """Return the rebuilding of an activation that Keras has.

    Args:
        activation: its name in Keras.
    """

    def rebuild(build: NodeBuilder) -> Value:
        layer = keras.layers.Activation(activation, name=build.name)
        tensor = layer(build.value().tensor)
        return build.value().with_tensor(tensor, activation in POSITIVE)

    return rebuild


def relu(build: NodeBuilder) -> Value:
    """Relu."""
    layer = keras.layers.ReLU(name=build.name)
    return build.value().with_tensor(layer(build.value().tensor), positive=True)


def leaky_relu(build: NodeBuilder) -> Value:
    """LeakyRelu with its slope."""
    slope = build.attribute("alpha", 0.01)
    layer = keras.layers.LeakyReLU(negative_slope=slope, name=build.name)
    return build.value().with_tensor(layer(build.value().tensor))


def parametric_relu(build: NodeBuilder) -> Value:
    """PRelu: a slope per channel, or one."""
    value, slopes = build.value(), build.kernel(1)
    if slopes.ndim == 1 and slopes.size == value.onnx_shape[0] and value.rank > 2:
        slopes = slopes.reshape(-1, *[1] * (value.rank - 2))  # older exporters
    ordered = constant_in_order(slopes, value)
    shared = [axis + 1 for axis, size in enumerate(ordered.shape) if size == 1]
    layer = keras.layers.PReLU(shared_axes=shared or None, name=build.name)
    return value.with_tensor(build.apply(layer, value.tensor, ordered), positive=False)


def clip(build: NodeBuilder) -> Value:
    """Clip between constants: a ReLU with a maximum, moved if it begins elsewhere."""
    low, high = (
        build.setting(name, position, default)
        for name, position, default in (("min", 1, -math.inf), ("max", 2, math.inf))
    )
    value = build.value()
    if low <= float(np.finfo(np.float32).min):
        build.refuse("it has no lower limit; only Clip(min=...) is supported")
    return value.with_tensor(
        _clipped(build, value.tensor, float(low), float(high)), positive=low >= 0
    )


def _clipped(build: NodeBuilder, tensor: object, low: float, high: float) -> object:
    limit = None if high >= np.finfo(np.float32).max else high - low
    if low == 0:
        return keras.layers.ReLU(max_value=limit, name=build.name)(tensor)
    move = keras.layers.Rescaling(1.0, -low, name=f"{build.name}_from_zero")
    cut = keras.layers.ReLU(max_value=limit, name=build.name)
    back = keras.layers.Rescaling(1.0, low, name=f"{build.name}_back")
    return back(cut(move(tensor)))


def hard_sigmoid(build: NodeBuilder) -> Value:
    """HardSigmoid: max(0, min(1, alpha * x + beta))."""
    alpha, beta = build.attribute("alpha", 0.2), build.attribute("beta", 0.5)
    value = build.value()
    if abs(alpha - 1 / 6) < CLOSE and abs(beta - 0.5) < CLOSE:
        layer = keras.layers.Activation("hard_sigmoid", name=build.name)
        return value.with_tensor(layer(value.tensor), positive=True)
    line = keras.layers.Rescaling(alpha, beta, name=f"{build.name}_line")
    cut = keras.layers.ReLU(max_value=1.0, name=build.name)
    return value.with_tensor(cut(line(value.tensor)), positive=True)


def elu(build: NodeBuilder) -> Value:
    """Elu with its alpha."""
    layer = keras.layers.ELU(alpha=build.attribute("alpha", 1.0), name=build.name)
    return build.value().with_tensor(layer(build.value().tensor))


def gelu(build: NodeBuilder) -> Value:
    """Gelu, exact or approximated by a tanh."""
    if build.attribute("approximate", "none") != "none":
        build.refuse("only approximate=none is supported")
    return named("gelu")(build)


def softmax(build: NodeBuilder) -> Value:
    """Softmax over one axis; before opset 13 over all axes from one on."""
    value = build.value()
    newer = build.graph.opset >= 13
    axis = build.attribute("axis", -1 if newer else 1) % value.rank
    if not newer and axis != value.rank - 1:
        build.refuse("before opset 13, only a softmax over the last axis is supported")
    if axis == 0 and not value.is_whole:
        build.refuse("it is over the batch")
    if value.flattened:
        value = plain(value, build.name)
    layer = keras.layers.Softmax(axis=value.axis(axis), name=build.name)
    if value.axis(axis) == len(value.order) - 1:
        layer = keras.layers.Activation("softmax", name=build.name)
    return value.with_tensor(layer(value.tensor), positive=True)


ACTIVATIONS: dict[str, Rebuild] = {
    "Relu": relu,
    "LeakyRelu": leaky_relu,
    "PRelu": parametric_relu,
    "Clip": clip,
    "Sigmoid": named("sigmoid"),
    "Tanh": named("tanh"),
    "HardSigmoid": hard_sigmoid,
    "HardSwish": named("hard_silu"),
    "Elu": elu,
    "Selu": named("selu"),
    "Softplus": named("softplus"),
    "Softsign": named("softsign"),
    "Gelu": gelu,
    "Softmax": softmax,
}
