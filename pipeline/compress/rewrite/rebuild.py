"""Make a Keras 3 model again, layer by layer, with some layers changed.

    smaller = regraph(model, lambda layer: change(layer))

The graph is walked by Keras itself; nested models are inlined on the way.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from typing import Any

import keras

from pipeline.core.errors import UserError

Make = Callable[[Any], Callable[..., Any]]  # a layer or operation -> its successor


def regraph(model: keras.Model, make: Make) -> keras.Model:
    """The same graph of the layers that `make` gives; their weights are new.

    Args:
        make: called once for each operation; the result is called on tensors.
    """
    made: dict[int, Callable[..., Any]] = {}
    names = {_name(each) for each in functional_graph(model).inputs}

    def successor(operation: Any) -> Callable[..., Any]:
        if isinstance(operation, keras.Model):
            return lambda *inputs, **_: _run(operation, list(inputs), successor)
        if id(operation) not in made:
            made[id(operation)] = _renamed(make(operation), operation, names)
        return made[id(operation)]

    functional = functional_graph(model)
    inputs = [
        keras.Input(each.shape[1:], dtype=each.dtype, name=_name(each))
        for each in functional.inputs
    ]
    outputs = keras.tree.flatten(_run(model, inputs, successor))
    return keras.Model(_single(inputs), _single(outputs), name=model.name)


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


def answers(model: keras.Model, x: Any) -> Any:
    """What a model says, its inputs given as it was built: alone, a list or by name.

    Args:
        x: the inputs in any of these forms; Keras warns of another than its own.
    """
    form = functional_graph(model)._inputs_struct
    return model(
        keras.tree.pack_sequence_as(form, keras.tree.flatten(x)), training=False
    )


def give_weights(layer: Any, weights: list[Any]) -> None:
    """Set a layer's weights, and what it keeps of them elsewhere.

    A Normalization computes with constants, which it makes of its weights only when
    it is adapted or loaded.
    """
    layer.set_weights(weights)
    if hasattr(layer, "finalize_state"):
        layer.finalize_state()


def copy_of(layer: Any) -> Any:
    """A new layer of the same class and settings; other operations as they are."""
    if not isinstance(layer, keras.layers.Layer):
        return layer
    return type(layer).from_config(layer.get_config())


def _renamed(made: Callable[..., Any], source: Any, names: set[str]) -> Any:
    """What is made, by a free name: nested models may use a name once more."""
    if not hasattr(made, "name"):  # a layer that vanished
        return made
    free = made.name
    while free in names:
        free += "_"
    names.add(free)
    if free == made.name:
        return made
    if made is source:  # the source's own graph keeps its operation's name
        made = copy(source)
        made._inbound_nodes, made._outbound_nodes = [], []
    made.name = free
    return made


def _run(model: keras.Model, inputs: list[Any], successor: Make) -> Any:
    return functional_graph(model)._run_through_graph(inputs, operation_fn=successor)


def _single(tensors: list[Any]) -> Any:
    return tensors[0] if len(tensors) == 1 else tensors


def _name(tensor: Any) -> str:
    return tensor._keras_history.operation.name
