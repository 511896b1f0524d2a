"""Rebuild sums, products and concatenations, with tensors and with constants."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import keras
import numpy as np

from pipeline.compress.import_model.onnx.builder import NodeBuilder, Rebuild
from pipeline.compress.import_model.onnx.kernels import added_bias
from pipeline.compress.import_model.onnx.values import (
    Value,
    constant_in_order,
    in_order,
    plain,
    plain_order,
)

LAYERS = {"Add": "Add", "Sub": "Subtract", "Mul": "Multiply", "Sum": "Add"}
# Operator, and True where the constant c comes first -> scale and offset.
AFFINE: dict[tuple[str, bool], Callable[[Any], tuple[Any, Any]]] = {
    ("Add", False): lambda c: (np.ones_like(c), c),
    ("Add", True): lambda c: (np.ones_like(c), c),
    ("Sub", False): lambda c: (np.ones_like(c), -c),
    ("Sub", True): lambda c: (-np.ones_like(c), c),
    ("Mul", False): lambda c: (c, np.zeros_like(c)),
    ("Mul", True): lambda c: (c, np.zeros_like(c)),
    ("Div", False): lambda c: (1 / c, np.zeros_like(c)),
}


def binary(build: NodeBuilder) -> Value:
    """Add, Sub, Mul or Div of two values, or of a value and a constant."""
    constants = [build.is_constant(k) for k in range(2)]
    if any(constants):
        return _with_constant(build, first=constants[0])
    if build.node.kind == "Div":
        build.refuse("only a division by a constant is supported")
    return _merged(build)


def total(build: NodeBuilder) -> Value:
    """Sum of values."""
    return _merged(build)


def _with_constant(build: NodeBuilder, first: bool) -> Value:
    kind, value = build.node.kind, build.value(1 if first else 0)
    array = build.kernel(0 if first else 1)
    if _is_bias(build, array, 1 if first else 0):
        return value
    if (kind, first) not in AFFINE:
        build.refuse("only a division by a constant is supported")
    over_batch = array.ndim == value.rank and len(array) > 1 and not value.is_whole
    if array.ndim > value.rank or over_batch:
        build.refuse(f"its constant has the shape {array.shape}")
    constant = constant_in_order(array.astype(np.float64), value)
    grows = any(c > s for c, s in zip(constant.shape, value.shape))
    if grows:
        build.refuse(f"its constant of the shape {array.shape} makes its input larger")
    scale, offset = AFFINE[kind, first](constant)
    layer = keras.layers.Rescaling(_plain(scale), _plain(offset), name=build.name)
    return value.with_tensor(build.apply(layer, value.tensor), positive=False)


def _is_bias(build: NodeBuilder, array: np.ndarray, position: int) -> bool:
    """Whether the MatMul before has already added the constant."""
    source = build.node.inputs[position]
    makers = [node for node in build.graph.nodes if source in node.outputs]
    if build.node.kind != "Add" or not makers or makers[0].kind != "MatMul":
        return False
    product = replace(build, node=makers[0])
    if not product.is_constant(1):
        return False
    return added_bias(product, product.kernel(1).shape[-1]) is not None


def _plain(constant: np.ndarray) -> Any:
    """A number where all are equal, or nested lists."""
    if np.all(constant == constant.flat[0]):
        return float(constant.flat[0])
    while constant.ndim > 1 and len(constant) == 1:
        constant = constant[0]
    return constant.tolist()


def _merged(build: NodeBuilder) -> Value:
    values = _aligned(build)
    if len(values) == 1:
        return values[0]
    layer = getattr(keras.layers, LAYERS[build.node.kind])(name=build.name)
    tensor = build.apply(layer, [value.tensor for value in values])
    positive = all(value.positive for value in values) and build.node.kind != "Sub"
    return values[0].with_tensor(tensor, positive)


def _aligned(build: NodeBuilder) -> list[Value]:
    """The inputs, with equal numbers and orders of axes."""
    values = [build.value(k) for k in range(len(build.node.inputs))]
    if any(value.is_whole for value in values):
        values = [build.whole(k) for k in range(len(values))]
    layouts = {(value.order, value.flattened) for value in values}
    if len(layouts) == 1:
        return values
    rank = max(value.rank for value in values)
    order = next(value.order for value in values if value.rank == rank)
    names = [f"{build.name}_{k}" for k in range(len(values))]
    if rank == 2:
        return [plain(value, name) for value, name in zip(values, names)]
    if any(value.rank < rank for value in values):
        build.refuse("its inputs have different numbers of axes")
    return [in_order(value, order, name) for value, name in zip(values, names)]


def concatenation(build: NodeBuilder) -> Value:
    """Concat of values along an axis that is not the batch."""
    if any(build.is_constant(k) for k in range(len(build.node.inputs))):
        return _with_constant_steps(build)
    values = _aligned(build)
    axis = build.attribute("axis") % values[0].rank
    if axis == 0 and not values[0].is_whole:
        build.refuse("it is over the batch")
    if values[0].rank == 2 and not values[0].is_whole:
        values = [
            plain(value, f"{build.name}_{number}")
            for number, value in enumerate(values)
        ]
    layer = keras.layers.Concatenate(axis=values[0].axis(axis), name=build.name)
    tensor = build.apply(layer, [value.tensor for value in values])
    keeps = values[0].rank > 2 or values[0].is_whole
    order = values[0].order if keeps else plain_order(2)
    return Value(tensor, order, positive=all(value.positive for value in values))


def _with_constant_steps(build: NodeBuilder) -> Value:
    """Constant steps around those of a sequence: zeros, which get an offset."""
    count = len(build.node.inputs)
    places = [k for k in range(count) if not build.is_constant(k)]
    value = build.plain(places[0])
    axis = build.attribute("axis") % value.rank
    if len(places) != 1 or (value.rank, axis) != (3, 1) or value.is_whole:
        build.refuse("constants can be joined to the steps of one sequence only")
    steps, width = value.shape
    arrays = [build.kernel(k) for k in range(count) if k != places[0]]
    if any(array.shape != (1, array.shape[1], width) for array in arrays):
        build.refuse("its constants have another shape than its sequence")
    before = sum(len(array[0]) for array in arrays[: places[0]])
    after = sum(len(array[0]) for array in arrays[places[0] :])
    parts = [array[0] for array in arrays]
    parts.insert(places[0], np.zeros((steps, width), np.float32))
    padding = keras.layers.ZeroPadding1D((before, after), name=f"{build.name}_steps")
    offset = keras.layers.Rescaling(
        1.0, np.concatenate(parts).tolist(), name=build.name
    )
    return value.with_tensor(offset(padding(value.tensor)), positive=False)


ARITHMETIC: dict[str, Rebuild] = {
    **dict.fromkeys(("Add", "Sub", "Mul", "Div"), binary),
    "Sum": total,
    "Concat": concatenation,
}
