"""Windows of convolutions and pooling: padding in Keras for the padding of ONNX."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from pipeline.compress.import_model.onnx.builder import NodeBuilder
from pipeline.compress.import_model.onnx.values import Value

Pairs = tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Window:
    """The window of an operator, per spatial axis.

    Args:
        size: of the kernel.
        strides: of its steps.
        dilation: distance of its elements.
        pads: begin and end of each axis.
        lengths: of the axes.
    """

    size: tuple[int, ...]
    strides: tuple[int, ...]
    dilation: tuple[int, ...]
    pads: Pairs
    lengths: tuple[int, ...]

    @property
    def is_same(self) -> bool:
        """True where Keras's padding "same" pads as much, and on the same sides."""
        return any(map(any, self.pads)) and self.pads == self.same_pads

    @property
    def same_pads(self) -> Pairs:
        """Padding "same" of Keras: the larger half is at the end."""
        totals = [
            max((-(-n // s) - 1) * s + reach - n, 0)
            for n, s, reach in zip(self.lengths, self.strides, self.reach)
        ]
        return tuple((total // 2, total - total // 2) for total in totals)

    @property
    def reach(self) -> tuple[int, ...]:
        """Length that the window covers."""
        return tuple((k - 1) * d + 1 for k, d in zip(self.size, self.dilation))


def window_of(build: NodeBuilder, value: Value, size: Sequence[int]) -> Window:
    """Return the window of a node.

    Args:
        build: the node.
        value: its input, with channels last.
        size: of the kernel.
    """
    count = len(size)
    lengths = value.shape[:-1]
    strides = tuple(build.attribute("strides", [1] * count))
    dilation = tuple(build.attribute("dilations", [1] * count))
    flat = build.attribute("pads", [0] * 2 * count)
    pads = tuple(zip(flat[:count], flat[count:]))
    window = Window(tuple(size), strides, dilation, pads, lengths)
    return _automatic(build, window)


def _automatic(build: NodeBuilder, window: Window) -> Window:
    rule = build.attribute("auto_pad", "NOTSET")
    if rule in ("NOTSET", "VALID"):
        return window
    same = window.same_pads
    pads = same if rule == "SAME_UPPER" else tuple((e, b) for b, e in same)
    sizes = (window.size, window.strides, window.dilation)
    return Window(*sizes, pads, window.lengths)


def padded(build: NodeBuilder, value: Value, window: Window) -> tuple[Any, str]:
    """Pad with zeros where Keras's own padding is another one.

    Args:
        build: the node.
        value: its input, with channels last.
        window: of the node.

    Returns:
        The tensor, and the padding that the layer needs, `same` or `valid`.
    """
    if window.is_same:
        return value.tensor, "same"
    if not any(map(any, window.pads)):
        return value.tensor, "valid"
    return zero_padded(build, value, window.pads), "valid"


def zero_padded(build: NodeBuilder, value: Value, pads: Pairs) -> Any:
    """Pad the spatial axes with zeros.

    Args:
        build: the node.
        value: with channels last.
        pads: begin and end of each axis.
    """
    if np.min(pads) < 0:
        build.refuse("it pads by a negative number")
    layer = {1: "ZeroPadding1D", 2: "ZeroPadding2D", 3: "ZeroPadding3D"}[len(pads)]
    amounts = pads[0] if len(pads) == 1 else pads
    name = build.name if build.node.kind == "Pad" else f"{build.name}_pad"
    return getattr(keras.layers, layer)(amounts, name=name)(value.tensor)
