"""Rebuild operators that change shapes, and those that change nothing."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import keras
import numpy as np

from pipeline.compress.import_model.onnx.builder import NodeBuilder, Rebuild
from pipeline.compress.import_model.onnx.values import (
    NO_AXIS,
    Value,
    channels_last,
    flat,
    in_order,
    plain,
    plain_order,
    reshaped,
)
from pipeline.compress.import_model.onnx.windows import zero_padded


def flatten(build: NodeBuilder) -> Value:
    """Flatten all axes but the batch."""
    if build.attribute("axis", 1) != 1:
        build.refuse("only axis=1 is supported")
    return flat(build.value(), build.name)


def reshape(build: NodeBuilder) -> Value:
    """Reshape to a fixed shape, whose first axis is the batch."""
    value = build.value()
    shape = [int(size) for size in build.setting("shape", 1)]
    if value.is_whole or not _keeps_batch(build, shape):
        return _whole_reshape(build, shape)
    target = _target(build, value, shape)
    if len(target) == 1:
        return flat(value, build.name)
    return _reshaped(build, build.plain(), target)


def _keeps_batch(build: NodeBuilder, shape: list[int]) -> bool:
    """Whether the first axis of a new shape is the batch."""
    if len(shape) < 2 or shape[0] not in (0, -1, build.graph.batch or 1):
        return False
    return shape[0] != -1 or math.prod(shape[1:]) == math.prod(build.value().shape)


def _whole_reshape(build: NodeBuilder, shape: list[int]) -> Value:
    """Reshape of all axes of one example."""
    value = plain(build.whole(), build.name)
    if not build.attribute("allowzero", 0):
        shape = [value.shape[k] if size == 0 else size for k, size in enumerate(shape)]
    count, known = math.prod(value.shape), math.prod(s for s in shape if s != -1)
    target = tuple(count // max(known, 1) if s == -1 else s for s in shape)
    if math.prod(target) != count or min(target, default=0) < 1:
        build.refuse(
            f"it makes the shape {tuple(shape)} of one with {count:,} numbers per "
            "example; the first axis must stay the batch"
        )
    return _reshaped(build, value, target)


def _target(build: NodeBuilder, value: Value, shape: list[int]) -> tuple[int, ...]:
    """The shape without the batch, whose numbers are all known."""
    count, sizes = math.prod(value.shape), value.onnx_shape
    if not build.attribute("allowzero", 0):
        shape = [
            sizes[k - 1] if size == 0 and 0 < k <= len(sizes) else size
            for k, size in enumerate(shape)
        ]
    rest = shape[1:]
    if rest.count(-1) == 1:
        others = math.prod(size for size in rest if size != -1)
        rest[rest.index(-1)] = count // others if others else 0
    batch = shape[0] in (0, -1, build.graph.batch or 1)
    if not batch or not rest or math.prod(rest) != count or min(rest) < 1:
        build.refuse(
            f"it makes the shape {tuple(shape)} of one with {count:,} numbers per "
            "example; the first axis must stay the batch"
        )
    return tuple(rest)


def _reshaped(build: NodeBuilder, value: Value, target: tuple[int, ...]) -> Value:
    tensor = reshaped(value.tensor, target, build.name)
    first = (NO_AXIS,) if value.is_whole else ()
    order = (*first, *plain_order(len(target) + 1 - value.is_whole))
    return Value(tensor, order, positive=value.positive)


def squeeze(build: NodeBuilder) -> Value:
    """Squeeze axes of length one."""
    value = build.value()
    named = [axis % value.rank for axis in build.setting("axes", 1, [])]
    if value.is_whole or 0 in named:
        return _whole_squeeze(build, named)
    ones = [axis for axis in range(1, value.rank) if value.onnx_shape[axis - 1] == 1]
    axes = {axis % value.rank for axis in build.setting("axes", 1, ones)}
    if not axes <= set(ones):
        build.refuse(f"not all of its axes {sorted(axes)} have length one")
    kept = [axis for axis in value.order[1:] if axis not in axes]
    numbers = {axis: number for number, axis in enumerate(sorted(kept), 1)}
    sizes = dict(zip(value.order[1:], value.shape))
    target = tuple(sizes[axis] for axis in kept)
    tensor = keras.layers.Reshape(target, name=build.name)(value.tensor)
    order = (0, *(numbers[axis] for axis in kept))
    return Value(tensor, order, positive=value.positive)


def _whole_squeeze(build: NodeBuilder, axes: list[int]) -> Value:
    value = plain(build.whole(), build.name)
    if any(value.shape[axis] != 1 for axis in axes):
        build.refuse(f"not all of its axes {sorted(axes)} have length one")
    kept = [
        size
        for axis, size in enumerate(value.shape)
        if not (axis in axes or (not axes and size == 1))
    ]
    return _reshaped(build, value, tuple(kept))


def unsqueeze(build: NodeBuilder) -> Value:
    """Unsqueeze: new axes of length one."""
    axes, value = build.setting("axes", 1), build.plain()
    rank = value.rank + len(axes)
    new = {axis % rank for axis in axes}
    if 0 in new:
        value = plain(build.whole(), build.name)
    sizes = iter(value.shape)
    first = 0 if value.is_whole else 1
    target = tuple(1 if axis in new else next(sizes) for axis in range(first, rank))
    return _reshaped(build, value, target)


def transpose(build: NodeBuilder) -> Value:
    """Transpose, which only changes what the axes of the tensor are."""
    value = build.value()
    axes = tuple(build.attribute("perm", range(value.rank)[::-1]))
    if axes[0] != 0 or value.is_whole:
        value = build.whole()
        order = (NO_AXIS, *(axes.index(axis) for axis in value.order[1:]))
        return replace(value, order=order)
    return replace(value, order=tuple(axes.index(axis) for axis in value.order))


def pad(build: NodeBuilder) -> Value:
    """Pad with zeros along spatial axes."""
    value, amounts = build.value(), build.setting("pads", 1)
    constant = build.setting("value", 2, 0.0)
    if build.attribute("mode", "constant") != "constant" or np.any(constant):
        build.refuse("only padding with zeros is supported")
    if len(amounts) != 2 * value.rank or not 3 <= value.rank <= 5:
        build.refuse("only the axes of images and sequences can be padded")
    pairs = list(zip(amounts[: value.rank], amounts[value.rank :]))
    if any(pairs[0]):
        build.refuse("it pads the batch")
    if not any(map(any, pairs)):
        return value
    if any(pairs[1]):
        build.refuse("it pads channels")
    value = in_order(value, channels_last(value.rank), build.name)
    return value.with_tensor(zero_padded(build, value, tuple(pairs[2:])))


# Positions of pixels, where a length is multiplied by a whole number.
NEAREST = ("asymmetric", "half_pixel", "pytorch_half_pixel")
BILINEAR = ("half_pixel", "pytorch_half_pixel")


def resize(build: NodeBuilder) -> Value:
    """Resize or Upsample of an image by whole numbers."""
    value = in_order(build.value(), channels_last(4), build.name)
    mode = build.attribute("mode", "nearest")
    default = "half_pixel" if build.node.kind == "Resize" else "asymmetric"
    place = build.attribute("coordinate_transformation_mode", default)
    allowed = {"nearest": NEAREST, "linear": BILINEAR}
    if place not in allowed.get(mode, ()):
        build.refuse(f"mode={mode} with {place} positions is not supported")
    factors = _factors(build, value)
    interpolation = "nearest" if mode == "nearest" else "bilinear"
    layer = keras.layers.UpSampling2D(
        factors, interpolation=interpolation, name=build.name
    )
    return value.with_tensor(layer(value.tensor))


def _factors(build: NodeBuilder, value: Value) -> tuple[int, int]:
    """Whole numbers that the height and the width are multiplied by."""
    if build.node.kind == "Upsample" or len(build.node.inputs) < 4:
        place = 1 if build.node.kind == "Upsample" or build.graph.opset < 11 else 2
        factors = build.setting("scales", place, [])
    else:
        sizes = build.setting("sizes", 3, [])
        factors = [n / s for n, s in zip(sizes, (1, *value.onnx_shape))]
    whole = [round(factor) for factor in factors[2:]]
    if len(whole) != 2 or not np.allclose(whole, factors[2:]) or min(whole) < 1:
        build.refuse("only height and width can be multiplied, by whole numbers")
    return whole[0], whole[1]


def identity(build: NodeBuilder) -> Value:
    """Identity, and Cast from one float type to another."""
    return build.value()


def dropout(build: NodeBuilder) -> Value:
    """Dropout, which is active in training."""
    value = build.value()
    rate: Any = build.setting("ratio", 1, 0.5)
    layer = keras.layers.Dropout(float(rate), name=build.name)
    return value.with_tensor(layer(value.tensor))


FLOATS = (1, 10, 11, 16)  # of TensorProto: float32, float16, float64, bfloat16


def cast(build: NodeBuilder) -> Value:
    """Cast to a float type: everything here is float32."""
    if build.attribute("to") not in FLOATS:
        build.refuse("only a Cast to a float type is supported")
    return build.value()


SHAPES: dict[str, Rebuild] = {
    "Flatten": flatten,
    "Reshape": reshape,
    "Squeeze": squeeze,
    "Unsqueeze": unsqueeze,
    "Transpose": transpose,
    "Pad": pad,
    "Resize": resize,
    "Upsample": resize,
    "Identity": identity,
    "Dropout": dropout,
    "Cast": cast,
}
