"""Make a Keras 3 model again, layer by layer, with some layers changed.

    smaller = regraph(model, lambda layer: change(layer))

The graph is walked by Keras itself; nested models are inlined on the way.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras

from pipeline.engine.errors import UserError

Make = Callable[[Any], Callable[..., Any]]  # a layer or operation -> its successor


def regraph(model: keras.Model, make: Make) -> keras.Model:
    """The same graph of the layers that `make` gives; their weights are new.

    Args:
        make: called once for each operation; the result is called on tensors.
    """
    made: dict[int, Callable[..., Any]] = {}

    def successor(operation: Any) -> Callable[..., Any]:
        if isinstance(operation, keras.Model):
            return lambda *inputs, **_: _run(operation, list(inputs), successor)
        if id(operation) not in made:
            made[id(operation)] = make(operation)
        return made[id(operation)]

    functional = functional_graph(model)
    inputs = [
        keras.Input(each.shape[1:], dtype=each.dtype, name=_name(each))
        for each in functional.inputs
    ]
    outputs = keras.tree.flatten(_run(model, inputs, successor))
    single = outputs[0] if len(outputs) == 1 else outputs
    return keras.Model(inputs, single, name=model.name)


def functional_graph(model: keras.Model) -> Any:
    """The graph of a functional or Sequential model.

    Raises:
        UserError: when there is none, or its input has no fixed shape.
    """
    graph = getattr(model, "_functional", None) or model
    if not hasattr(graph, "_nodes_by_depth"):
        raise UserError(
            f'model "{model.name}" ({type(model).__name__}) has no graph: only built '
            "functional and Sequential models can be compressed"
        )
    for tensor in graph.inputs:
        if None in tensor.shape[1:]:
            raise UserError(
                f'input "{tensor.name}" of model "{model.name}" has the shape '
                f"{tensor.shape}: all but the batch must be fixed"
            )
    return graph


def copy_of(layer: Any) -> Any:
    """A new layer of the same class and settings; other operations as they are."""
    if not isinstance(layer, keras.layers.Layer):
        return layer
    return type(layer).from_config(layer.get_config())


def _run(model: keras.Model, inputs: list[Any], successor: Make) -> Any:
    return functional_graph(model)._run_through_graph(inputs, operation_fn=successor)


def _name(tensor: Any) -> str:
    return tensor._keras_history.operation.name
