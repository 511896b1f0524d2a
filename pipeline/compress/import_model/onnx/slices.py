"""Rebuild operators that select rows of a table, and parts of an axis."""

from __future__ import annotations

import math

import keras
import numpy as np

from pipeline.compress.import_model.onnx.builder import NodeBuilder, Rebuild
from pipeline.compress.import_model.onnx.values import (
    Value,
    plain,
    plain_order,
    reshaped,
)


def gather(build: NodeBuilder) -> Value:
    """Gather: an embedding of tokens, or one element of an axis."""
    if build.is_constant(0):
        return _embedding(build)
    value, axis = _value(build, build.attribute("axis", 0))
    index = build.kernel(1)
    if index.size != 1:
        build.refuse(f"it selects {index.size} elements; one, or a Slice, can be")
    size = value.shape[axis - _first(value)]
    begin = int(index.reshape(-1)[0]) % size
    part = _cropped(build, value, axis, (begin, begin + 1), build.name)
    if index.ndim:
        return part
    target = [s for k, s in enumerate(part.shape, _first(value)) if k != axis]
    tensor = reshaped(part.tensor, tuple(target), f"{build.name}_one")
    order = plain_order(value.rank - 1)
    return Value(tensor, (-1, *order) if value.is_whole else order)


def _embedding(build: NodeBuilder) -> Value:
    table, value = build.kernel(0), build.value(1)
    if table.ndim != 2 or build.attribute("axis", 0) or not build.graph.token_input:
        build.refuse("only the rows of a table with two axes can be selected by tokens")
    value = plain(value, build.name)
    layer = keras.layers.Embedding(*table.shape, name=build.name)
    tensor = build.apply(layer, value.tensor, table)
    last = len(value.order) - value.is_whole
    return Value(tensor, (*value.order, last))


def _first(value: Value) -> int:
    """The ONNX axis of the first number in `Value.shape`."""
    return 0 if value.is_whole else 1


def _value(build: NodeBuilder, axis: int) -> tuple[Value, int]:
    """The first input with the axes of ONNX, and the axis that is not negative."""
    value = build.value()
    axis %= value.rank
    if axis == 0:
        value = build.whole()
    return plain(value, build.name), axis


def _cropped(
    build: NodeBuilder, value: Value, axis: int, limits: tuple[int, int], name: str
) -> Value:
    """The elements `limits[0]` to `limits[1] - 1` of an axis."""
    place = axis - _first(value)
    before, size, after = (
        math.prod(value.shape[:place]),
        value.shape[place],
        math.prod(value.shape[place + 1 :]),
    )
    begin, end = limits
    if not 0 <= begin < end <= size:
        build.refuse(f"it selects {begin} to {end} of an axis with {size} elements")
    if (begin, end) == (0, size):
        return value
    rows = reshaped(value.tensor, (before, size, after), f"{name}_rows")
    crop = keras.layers.Cropping2D(((0, 0), (begin, size - end)), name=name)
    target = (*value.shape[:place], end - begin, *value.shape[place + 1 :])
    tensor = reshaped(crop(rows), target, f"{name}_part")
    return Value(tensor, value.order, positive=value.positive)


def sliced(build: NodeBuilder) -> Value:
    """Slice with steps of one."""
    starts, ends = build.setting("starts", 1), build.setting("ends", 2)
    axes = build.setting("axes", 3, list(range(len(starts))))
    steps = build.setting("steps", 4, [1] * len(starts))
    if set(steps) != {1}:
        build.refuse("only steps of one are supported")
    value = build.value()
    for number, (start, end, axis) in enumerate(zip(starts, ends, axes)):
        axis %= value.rank
        if axis == 0 and not value.is_whole:
            if (start, end > 0) == (0, True):
                continue  # all examples
            value = build.whole()
        value = plain(value, build.name)
        size = value.shape[axis - _first(value)]
        begin, end, _ = slice(start, end).indices(size)
        name = f"{build.name}_{number}" if number else build.name
        value = _cropped(build, value, axis, (begin, end), name)
    return value


def split(build: NodeBuilder) -> tuple[Value, ...]:
    """Split into parts along an axis."""
    value, axis = _value(build, build.attribute("axis", 0))
    count = len(build.node.outputs)
    size = value.shape[axis - _first(value)]
    parts = build.setting("split", 1, [-(-size // count)] * count)
    ends = np.minimum(np.cumsum(parts), size).tolist()
    return tuple(
        _cropped(build, value, axis, limits, f"{build.name}_{number}")
        for number, limits in enumerate(zip([0, *ends], ends))
    )


SLICES: dict[str, Rebuild] = {"Gather": gather, "Slice": sliced, "Split": split}
