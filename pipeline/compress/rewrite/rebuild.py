"""Rebuild a Keras 3 model layer by layer, with some layers replaced.

    smaller = rebuild(model, lambda layer: replacement(layer))

In: a built functional or Sequential model. Out: a functional model of the same name.
Keras itself walks the graph; nested models are inlined.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from typing import Any

import keras

from pipeline.core.errors import UserError
from pipeline.models.graph import is_nested

Make = Callable[[Any], Callable[..., Any]]  # layer or operation -> its replacement


def rebuild(
    model: keras.Model, make: Make, input_dtype: str | None = None
) -> keras.Model:
    """Build the same graph from new layers; their weights are freshly initialized.

    Args:
        model: functional or Sequential; it is not changed.
        make: called once per layer or operation; its result is called on tensors.
        input_dtype: of the new model's inputs; default None: unchanged.

    Returns:
        A functional model with the same inputs, outputs and name.

    Raises:
        UserError: if the model has no graph, or an input without a fixed shape.
    """
    functional = functional_graph(model)
    successor = _successors(make, {_name(tensor) for tensor in functional.inputs})
    inputs = [
        keras.Input(
            tensor.shape[1:], dtype=input_dtype or tensor.dtype, name=_name(tensor)
        )
        for tensor in functional.inputs
    ]
    outputs = keras.tree.flatten(_run(model, inputs, successor))
    return keras.Model(single(inputs), single(outputs), name=model.name)


def rebuild_with_weights(
    model: keras.Model,
    replacement: Callable[[Any], Callable[..., Any] | None],
    weights: Callable[[Any], list[Any] | None] = lambda layer: layer.get_weights(),
    input_dtype: str | None = None,
) -> keras.Model:
    """Rebuild a model and give its layers weights.

    Args:
        model: functional or Sequential; it is not changed.
        replacement: layer -> the layer or function that replaces it, or None for a
            plain copy.
        weights: layer -> the arrays for its replacement, or None to leave them as
            created; by default the layer's own weights.
        input_dtype: of the new model's inputs; default None: unchanged.

    Returns:
        A functional model with the same inputs, outputs and name.

    Raises:
        UserError: if the model has no graph, or an input without a fixed shape.
    """
    pairs: list[tuple[Any, Any]] = []

    def make(layer: Any) -> Any:
        new = replacement(layer)
        new = clone_layer(layer) if new is None else new
        pairs.append((layer, new))
        return new

    rebuilt = rebuild(model, make, input_dtype)
    for layer, new in pairs:
        if isinstance(new, keras.layers.Layer) and new is not layer:
            values = weights(layer)
            if values is not None:
                set_layer_weights(new, values)
    return rebuilt


def functional_graph(model: keras.Model) -> Any:
    """Return the graph of a functional or Sequential model.

    Raises:
        UserError: if the model has no graph, or an input without a fixed shape.
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
                f"{tensor.shape}: all axes but the batch must be fixed"
            )
    return graph


def model_outputs(model: keras.Model, x: Any) -> Any:
    """Call a model in inference mode, with inputs in the structure it was built with.

    Keras warns when the structure of the inputs differs from that.

    Args:
        model: functional or Sequential.
        x: the inputs: a tensor `(batch, ...)`, a list or a mapping of tensors.

    Returns:
        The outputs, in the model's own structure.
    """
    form = functional_graph(model)._inputs_struct
    return model(
        keras.tree.pack_sequence_as(form, keras.tree.flatten(x)), training=False
    )


def set_layer_weights(layer: Any, weights: list[Any]) -> None:
    """Set a layer's weights and the constants it derives from them.

    A Normalization computes with constants that it derives from its weights only when
    it is adapted or loaded.

    Args:
        layer: a built layer.
        weights: arrays in the order of `layer.get_weights()`.
    """
    layer.set_weights(weights)
    if hasattr(layer, "finalize_state"):
        layer.finalize_state()


def clone_layer(layer: Any) -> Any:
    """Return a new layer of the same class and config; an operation itself."""
    if not isinstance(layer, keras.layers.Layer):
        return layer
    return type(layer).from_config(layer.get_config())


def clone_with(layer: Any, **changes: Any) -> Any:
    """Return a new layer of the same class and config, with some entries changed."""
    return type(layer).from_config({**layer.get_config(), **changes})


def identity(x: Any, **_: Any) -> Any:
    """Return the input: the replacement of a layer that is removed."""
    return x


def _successors(make: Make, names: set[str]) -> Make:
    """Memoize `make` and inline nested models.

    Args:
        make: layer or operation -> its replacement, or a function in its place.
        names: layer names that are taken; it grows with every new layer.
    """
    cache: dict[int, Callable[..., Any]] = {}

    def successor(operation: Any) -> Callable[..., Any]:
        if is_nested(operation):
            return lambda *inputs, **_: _run(operation, list(inputs), successor)
        if id(operation) not in cache:
            cache[id(operation)] = _renamed(make(operation), operation, names)
        return cache[id(operation)]

    return successor


def _renamed(new: Any, source: Any, names: set[str]) -> Any:
    """Give a new layer a free name: nested models may use a name twice."""
    if not hasattr(new, "name"):  # a function in the place of a removed layer
        return new
    free = new.name
    while free in names:
        free += "_"
    names.add(free)
    if free == new.name:
        return new
    if new is source:  # the source's own graph keeps its operation's name
        new = copy(source)
        new._inbound_nodes, new._outbound_nodes = [], []
    new.name = free
    return new


def _run(model: keras.Model, inputs: list[Any], successor: Make) -> Any:
    return functional_graph(model)._run_through_graph(inputs, operation_fn=successor)


def single(tensors: list[Any]) -> Any:
    """Return the only element of a list of one, and a longer list unchanged."""
    return tensors[0] if len(tensors) == 1 else tensors


def _name(tensor: Any) -> str:
    return tensor._keras_history.operation.name
