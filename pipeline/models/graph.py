"""The calls of a model's graph in execution order, with nested models inlined.

In: a functional or Sequential Keras 3 model. Out: one `Call` per use of a layer,
with numbered tensors, so that sizes and lifetimes can be counted.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import keras

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Call:
    """One use of a layer or operation.

    Args:
        name: of the layer, prefixed with the names of the models it is nested in.
        operation: the layer or operation.
        inputs, outputs: tensor ids.
        input_shapes, output_shapes: per tensor, without the batch axis.
    """

    name: str
    operation: Any
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    input_shapes: tuple[Shape, ...]
    output_shapes: tuple[Shape, ...]

    @property
    def kind(self) -> str:
        """The layer's class."""
        return type(self.operation).__name__

    @property
    def channels(self) -> int:
        """Size of the first output's last axis; 1 for one number per example."""
        shape = self.output_shapes[0]
        return shape[-1] if shape else 1


def calls(model: keras.Model) -> list[Call]:
    """List all calls in execution order.

    Args:
        model: functional or Sequential; its inputs are calls of `InputLayer`.

    Returns:
        One `Call` per use of a layer; nested models are replaced by their calls.
    """
    return list(_calls(model, {}, ""))


def is_nested(operation: Any) -> bool:
    """Return whether an operation is a model with a graph, which can be inlined.

    Args:
        operation: of a graph; a subclassed model is one layer.
    """
    is_model = isinstance(operation, keras.Model)
    return is_model and hasattr(_graph(operation), "_nodes_by_depth")


def output_ids(model: keras.Model) -> set[int]:
    """Return the tensor ids of the model's outputs, as `calls` numbers them."""
    names: dict[int, int] = {}
    list(_calls(model, names, ""))
    return {names.get(id(tensor), id(tensor)) for tensor in _graph(model).outputs}


def _calls(model: keras.Model, names: dict[int, int], prefix: str) -> Iterator[Call]:
    """`names` maps ids of a nested model's tensors to the ids used outside it."""
    graph = _graph(model)
    for depth in sorted(graph._nodes_by_depth, reverse=True):
        for node in graph._nodes_by_depth[depth]:
            if is_nested(node.operation):
                yield from _nested(node, names, prefix)
            elif not (prefix and node.is_input):
                yield _call(node, names, prefix)


def _nested(node: Any, names: dict[int, int], prefix: str) -> Iterator[Call]:
    graph, model = _graph(node.operation), node.operation
    for inner, outer in zip(graph.inputs, node.input_tensors):
        names[id(inner)] = names.get(id(outer), id(outer))
    yield from _calls(model, names, f"{prefix}{model.name}/")
    for inner, outer in zip(graph.outputs, node.output_tensors):
        names[id(outer)] = names.get(id(inner), id(inner))


def _call(node: Any, names: dict[int, int], prefix: str) -> Call:
    def ids(tensors: list[Any]) -> tuple[int, ...]:
        return tuple(names.get(id(tensor), id(tensor)) for tensor in tensors)

    def shapes(tensors: list[Any]) -> tuple[Shape, ...]:
        return tuple(tuple(tensor.shape[1:]) for tensor in tensors)

    return Call(
        prefix + node.operation.name,
        node.operation,
        ids(node.input_tensors),
        ids(node.output_tensors),
        shapes(node.input_tensors),
        shapes(node.output_tensors),
    )


def _graph(model: keras.Model) -> Any:
    return getattr(model, "_functional", None) or model
