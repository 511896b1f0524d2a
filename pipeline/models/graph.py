"""The calls of a model's graph in the order in which they run, nested ones inlined.

In: a functional or Sequential Keras 3 model. Out: one `Call` for each use of a
layer, with numbered tensors, so that sizes and lifetimes can be counted.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import keras


@dataclass(frozen=True)
class Call:
    """One use of a layer or operation.

    Args:
        name: of the layer; that of a nested model goes before it.
        inputs, outputs: tensor ids.
        given, shapes: the inputs' and outputs' shapes, without the batch.
    """

    name: str
    operation: Any
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    given: tuple[tuple[int, ...], ...]
    shapes: tuple[tuple[int, ...], ...]

    @property
    def kind(self) -> str:
        """The layer's class."""
        return type(self.operation).__name__


def calls(model: keras.Model) -> list[Call]:
    """All calls; the model's inputs are calls of `InputLayer`."""
    return list(_calls(model, {}, ""))


def outputs(model: keras.Model) -> set[int]:
    """The ids of the model's own outputs."""
    names: dict[int, int] = {}
    list(_calls(model, names, ""))
    return {names.get(id(tensor), id(tensor)) for tensor in _graph(model).outputs}


def _calls(model: keras.Model, names: dict[int, int], prefix: str) -> Iterator[Call]:
    """`names` says by which id a nested model's tensor is known outside."""
    graph = _graph(model)
    for depth in sorted(graph._nodes_by_depth, reverse=True):
        for node in graph._nodes_by_depth[depth]:
            if isinstance(node.operation, keras.Model):
                yield from _inside(node, names, prefix)
            elif not (prefix and node.is_input):
                yield _call(node, names, prefix)


def _inside(node: Any, names: dict[int, int], prefix: str) -> Iterator[Call]:
    nested, model = _graph(node.operation), node.operation
    for inner, outer in zip(nested.inputs, node.input_tensors):
        names[id(inner)] = names.get(id(outer), id(outer))
    yield from _calls(model, names, f"{prefix}{model.name}/")
    for inner, outer in zip(nested.outputs, node.output_tensors):
        names[id(outer)] = names.get(id(inner), id(inner))


def _call(node: Any, names: dict[int, int], prefix: str) -> Call:
    def known(tensors: list[Any]) -> tuple[int, ...]:
        return tuple(names.get(id(tensor), id(tensor)) for tensor in tensors)

    def shapes(tensors: list[Any]) -> tuple[tuple[int, ...], ...]:
        return tuple(tuple(tensor.shape[1:]) for tensor in tensors)

    given, made = node.input_tensors, node.output_tensors
    name = prefix + node.operation.name
    return Call(
        name, node.operation, known(given), known(made), shapes(given), shapes(made)
    )


def _graph(model: keras.Model) -> Any:
    return getattr(model, "_functional", None) or model
