"""Rebuild pooling, and means over positions."""

from __future__ import annotations

from typing import Any

import keras

from pipeline.compress.import_model.onnx.builder import NodeBuilder, Rebuild
from pipeline.compress.import_model.onnx.values import (
    Value,
    channels_last,
    in_order,
    plain_order,
)
from pipeline.compress.import_model.onnx.windows import (
    Window,
    padded,
    window_of,
    zero_padded,
)


def maximum(build: NodeBuilder) -> Value:
    """MaxPool; padding is minus infinity, which zero equals after a ReLU."""
    value = _image(build)
    window = _window(build, value)
    if window.is_same:
        tensor, padding = value.tensor, "same"
    elif any(map(any, window.pads)) and not value.positive:
        build.refuse(
            "it pads numbers that can be negative; only padding as in TensorFlow "
            "(auto_pad=SAME_UPPER), or after a ReLU, is supported"
        )
    else:
        tensor, padding = padded(build, value, window)
    return value.with_tensor(_pool(build, "MaxPooling", window, padding)(tensor))


def average(build: NodeBuilder) -> Value:
    """AveragePool, of which the padding counts or not."""
    value = _image(build)
    window = _window(build, value)
    counted = bool(build.attribute("count_include_pad", 0))
    padding, tensor = "valid", value.tensor
    if any(map(any, window.pads)) and counted:
        tensor = zero_padded(build, value, window.pads)
    elif window.is_same:
        padding = "same"
    elif any(map(any, window.pads)):
        build.refuse(
            "its padding does not count; only padding as in TensorFlow "
            "(auto_pad=SAME_UPPER), or count_include_pad=1, is supported"
        )
    return value.with_tensor(_pool(build, "AveragePooling", window, padding)(tensor))


def _window(build: NodeBuilder, value: Value) -> Window:
    window = window_of(build, value, build.attribute("kernel_shape"))
    if max(window.dilation) > 1:
        build.refuse("Keras has no pooling with dilations")
    left = [
        (n + sum(pads) - k) % s
        for n, pads, k, s in zip(
            window.lengths, window.pads, window.size, window.strides
        )
    ]
    if build.attribute("ceil_mode", 0) and any(left) and not window.is_same:
        build.refuse("ceil_mode=1 adds a window that is not complete")
    return window


def _pool(build: NodeBuilder, kind: str, window: Window, padding: str) -> Any:
    layer = getattr(keras.layers, f"{kind}{len(window.size)}D")
    sizes = (window.size, window.strides)
    if len(window.size) == 1:
        sizes = (window.size[0], window.strides[0])  # type: ignore[assignment]
    return layer(*sizes, padding=padding, name=build.name)


def _image(build: NodeBuilder) -> Value:
    value = build.value()
    if not 3 <= value.rank <= 5:
        build.refuse(f"its input has {value.rank} axes; it needs 3 to 5")
    return in_order(value, channels_last(value.rank), build.name)


def over_all(kind: str) -> Rebuild:
    """Return the rebuilding of a pooling over all positions.

    Args:
        kind: `Average` or `Max`.
    """

    def rebuild(build: NodeBuilder) -> Value:
        return _global(build, _image(build), kind, keepdims=True)

    return rebuild


def _global(build: NodeBuilder, value: Value, kind: str, keepdims: bool) -> Value:
    layer = getattr(keras.layers, f"Global{kind}Pooling{value.rank - 2}D")
    pooled = layer(keepdims=keepdims, name=build.name)(value.tensor)
    order = value.order if keepdims else plain_order(2)
    return Value(pooled, order, positive=value.positive)


def mean(build: NodeBuilder) -> Value:
    """ReduceMean over all axes but the batch and one."""
    value, axes = build.value(), build.setting("axes", 1)
    keepdims = bool(build.attribute("keepdims", 1))
    reduced = {axis % value.rank for axis in axes or []}
    kept = set(range(1, value.rank)) - reduced
    if not axes or 0 in reduced or len(kept) != 1 or not 3 <= value.rank <= 5:
        build.refuse("only a mean over all axes but the batch and one is supported")
    last = kept.pop()
    others = [axis for axis in range(1, value.rank) if axis != last]
    value = in_order(value, (0, *others, last), build.name)
    return _global(build, value, "Average", keepdims)


POOLING: dict[str, Rebuild] = {
    "MaxPool": maximum,
    "AveragePool": average,
    "GlobalAveragePool": over_all("Average"),
    "GlobalMaxPool": over_all("Max"),
    "ReduceMean": mean,
}
