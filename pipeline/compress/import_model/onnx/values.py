"""Values of a graph that is being rebuilt, and the order of their axes.

ONNX has the channels of images first, Keras has them last. A `Value` holds a Keras
tensor and, per axis of it, the axis of the ONNX value that it is. So a Transpose costs
nothing, and axes are moved only where an operator needs another order. The features of
a flattened image keep the order of Keras; the next Dense kernel is permuted instead.

Attention and recurrent layers move the batch, and merge it with other axes. Where a
file was made for one example, this does not matter: such a value is `whole`, and all of
its axes stand after the batch axis of the tensor.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import keras
import numpy as np

Axes = tuple[int, ...]
NO_AXIS = -1


@dataclass(frozen=True)
class Value:
    """A tensor of the rebuilt model.

    Args:
        tensor: of Keras, `(batch, ...)`.
        order: per axis of the tensor, the axis of the ONNX value; NO_AXIS for the batch
            of a `whole` value.
        flattened: shape without the batch, and order, of the image that axis 1 was
            flattened from, if its features are in another order than those of ONNX.
        positive: True where no number can be negative.
    """

    tensor: Any
    order: Axes
    flattened: tuple[Axes, Axes] | None = None
    positive: bool = False

    @property
    def shape(self) -> tuple[int, ...]:
        """Sizes of the Keras axes, without the batch."""
        return tuple(int(size) for size in self.tensor.shape[1:])

    @property
    def is_whole(self) -> bool:
        """True where the ONNX value of one example has no axis for the batch."""
        return self.order[0] == NO_AXIS

    @property
    def onnx_shape(self) -> tuple[int, ...]:
        """Sizes of the ONNX axes, without the batch."""
        sizes = dict(zip(self.order[1:], self.shape))
        return tuple(sizes[axis] for axis in sorted(sizes))

    @property
    def rank(self) -> int:
        """Number of ONNX axes."""
        return len(self.order) - self.is_whole

    def axis(self, axis: int) -> int:
        """Return the Keras axis of an ONNX axis.

        Args:
            axis: of the ONNX value; may be negative.
        """
        return self.order.index(axis % self.rank)

    def with_tensor(self, tensor: Any, positive: bool | None = None) -> Value:
        """Return the value of an operator that works per element.

        Args:
            tensor: its output.
            positive: None keeps the flag.
        """
        keep = self.positive if positive is None else positive
        return replace(self, tensor=tensor, positive=keep)


def plain_order(rank: int) -> Axes:
    """The order of axes of ONNX.

    Args:
        rank: number of axes, with the batch.
    """
    return tuple(range(rank))


def channels_last(rank: int) -> Axes:
    """The order of axes in which axis 1 of ONNX is the last.

    Args:
        rank: number of axes, with the batch.
    """
    return (0, *range(2, rank), 1)


def in_order(value: Value, order: Axes, name: str) -> Value:
    """Return a value whose axes have another order.

    Args:
        value: is not changed.
        order: as in `Value`.
        name: of the layers that are added, if any is needed.
    """
    if value.flattened:
        value = unflattened(value, name)
    if value.order == order:
        return value
    dims = [value.order.index(axis) for axis in order]
    sizes = (1, *value.shape)
    moved = [axis for axis in dims if sizes[axis] > 1]
    target = tuple(sizes[axis] for axis in dims[1:])
    if moved == sorted(moved):  # only axes of length one move
        tensor = reshaped(value.tensor, target, f"{name}_axes")
    else:
        tensor = _permuted(value, dims, target, f"{name}_axes")
    return replace(value, tensor=tensor, order=order)


def _permuted(value: Value, dims: list[int], target: Axes, name: str) -> Any:
    """Permute the axes; those of length one are left out where there are many."""
    if not value.is_whole:
        return keras.layers.Permute(dims[1:], name=name)(value.tensor)
    kept = [axis for axis in range(1, len(dims)) if value.shape[axis - 1] > 1]
    short = reshaped(
        value.tensor, tuple(value.shape[axis - 1] for axis in kept), f"{name}_before"
    )
    moved = [kept.index(axis) + 1 for axis in dims[1:] if axis in kept]
    return reshaped(
        keras.layers.Permute(moved, name=name)(short), target, f"{name}_all"
    )


def reshaped(tensor: Any, target: Axes, name: str) -> Any:
    """Reshape a tensor; of several reshapes in a row, only the last is kept.

    Args:
        tensor: `(batch, ...)`.
        target: the shape, without the batch.
        name: of the layer.
    """
    while isinstance(
        operation := tensor._keras_history.operation, keras.layers.Reshape
    ):
        tensor = operation.input
    if tuple(tensor.shape[1:]) == target:
        return tensor
    return keras.layers.Reshape(target, name=name)(tensor)


def whole(value: Value, name: str) -> Value:
    """Return a value whose first ONNX axis is no longer the batch, but of length one.

    Args:
        value: is not changed.
        name: of the layers that are added, if any is needed.
    """
    if value.is_whole:
        return value
    if value.flattened:
        value = unflattened(value, name)
    tensor = reshaped(value.tensor, (1, *value.shape), f"{name}_whole")
    return replace(value, tensor=tensor, order=(NO_AXIS, *value.order))


def batched(value: Value, name: str) -> Value:
    """Return a value whose first ONNX axis is the batch, where it has length one.

    Args:
        value: is not changed.
        name: of the layer that is added, if one is needed.
    """
    if not value.is_whole or value.rank < 2:
        return value
    place = value.order.index(0)
    if value.shape[place - 1] != 1:
        return value
    sizes = list(value.shape)
    del sizes[place - 1]
    order = (0, *(axis for axis in value.order[1:] if axis))
    tensor = reshaped(value.tensor, tuple(sizes), f"{name}_batch")
    return replace(value, tensor=tensor, order=order)


def plain(value: Value, name: str) -> Value:
    """Return a value with the axes of ONNX.

    Args:
        value: is not changed.
        name: of the layers that are added, if any is needed.
    """
    order = plain_order(value.rank)
    return in_order(value, (NO_AXIS, *order) if value.is_whole else order, name)


def unflattened(value: Value, name: str) -> Value:
    """Return a flattened image whose features have the order of ONNX.

    Args:
        value: is not changed.
        name: of the layers that are added.
    """
    assert value.flattened is not None
    shape, order = value.flattened
    image = keras.layers.Reshape(shape, name=f"{name}_image")(value.tensor)
    ordered = plain(Value(image, order), name)
    flat = keras.layers.Flatten(name=f"{name}_flat")(ordered.tensor)
    return replace(value, tensor=flat, flattened=None)


def flat(value: Value, name: str) -> Value:
    """Flatten all axes but the batch, without moving them.

    Args:
        value: is not changed.
        name: of the layer.
    """
    if value.rank == 2:
        return value
    tensor = keras.layers.Flatten(name=name)(value.tensor)
    sizes = [axis for axis, size in zip(value.order[1:], value.shape) if size > 1]
    same = sizes == sorted(sizes)
    source = None if same else (value.shape, value.order)
    return Value(tensor, plain_order(2), source, value.positive)


def feature_order(value: Value) -> np.ndarray:
    """Return, per feature of the tensor's last axis, its number in ONNX.

    Args:
        value: the rows of a kernel follow this order.
    """
    count = value.shape[-1]
    if not value.flattened:
        return np.arange(count)
    shape, order = value.flattened
    axes = np.argsort(order[1:])  # position of each ONNX axis among those of Keras
    numbers = np.arange(math.prod(shape)).reshape([shape[k] for k in axes])
    return numbers.transpose([axis - 1 for axis in order[1:]]).reshape(-1)


def constant_in_order(array: np.ndarray, value: Value) -> np.ndarray:
    """Return a constant that broadcasts to a value, with the axes of its tensor.

    Args:
        array: broadcasts to the ONNX value.
        value: whose order of axes is used.

    Returns:
        An array without the batch axis.
    """
    full = array.reshape((1,) * (value.rank - array.ndim) + array.shape)
    if value.is_whole:
        return full.transpose(value.order[1:])
    ordered = full.transpose(value.order)[0]
    if value.flattened and ordered.shape[-1] > 1:
        ordered = ordered[..., feature_order(value)]
    return ordered
