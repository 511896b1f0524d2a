"""Make the outputs of an imported classifier logits.

In: a model that ends in a softmax, in one sigmoid for two classes, or in logits. Out: a
model with one logit per class. Neither change alters the predicted class.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from pipeline.compress.rewrite.rebuild import (
    clone_with,
    functional_graph,
    identity,
    rebuild_with_weights,
)
from pipeline.core.errors import UserError
from pipeline.data.spec import TaskSpec

FINAL = ("Softmax", "Activation")  # layers that only apply an activation
SIZES = {"Dense": "units", "Conv2D": "filters"}  # layer -> its number of outputs


def as_logits(model: keras.Model, spec: TaskSpec, path: str) -> keras.Model:
    """Return a model with one logit per class.

    Args:
        model: functional or Sequential, with one output; it is not changed.
        spec: signature of the data.
        path: file of the model, for the error.

    Raises:
        UserError: for a sigmoid per class, which is a model of several labels.
    """
    if _units(model) == 1 and len(spec.classes) == 2:
        _check_single_output(_activation(_last(model)), path)
        return two_logits(model)
    if _activation(_last(model)) == "sigmoid":
        raise UserError(
            f"{path}: ends in a sigmoid for each of {_units(model)} outputs, which is "
            "a model of several labels per example; classification needs logits or a "
            "softmax: replace the last activation (it does not change which output is "
            "largest): build the last layer with activation=None"
        )
    return without_softmax(model)


def refuse_softmax(model: keras.Model, path: str) -> None:
    """Refuse a classifier in the place of a model that returns a vector.

    Args:
        model: functional or Sequential, with one output.
        path: file of the model, for the error.

    Raises:
        UserError: for a model that ends in a softmax.
    """
    if _activation(_last(model)) == "softmax":
        raise UserError(
            f"{path}: ends in a softmax over {_units(model)} outputs, which is a "
            "classifier; an embedding is the vector before its last layer: save "
            "keras.Model(model.inputs, model.layers[-2].output), or leave data.task out"
        )


def _check_single_output(activation: str, path: str) -> None:
    """Refuse an activation of which the output is not a logit or its probability."""
    if activation not in ("", "linear", "sigmoid"):
        raise UserError(
            f"{path}: ends in one output with the activation {activation}; two classes "
            "need a sigmoid or no activation there, or two outputs: build the last "
            "layer with activation='sigmoid' and train it again"
        )


def without_softmax(model: keras.Model) -> keras.Model:
    """Remove a softmax at the end of a model, so that its outputs are logits.

    Args:
        model: functional or Sequential, with one output; it is not changed.

    Returns:
        The same model if it does not end with a softmax.
    """
    last = _last(model)
    if _activation(last) != "softmax":
        return model
    return _with_last(model, _without_activation(last), last.get_weights())


def two_logits(model: keras.Model) -> keras.Model:
    """Give a model of one output for two classes the logits 0 and that output.

    softmax(0, z) is 1 - sigmoid(z) and sigmoid(z), so the probabilities stay equal.

    Args:
        model: its output is `(batch, 1)`, or `(batch, height, width, 1)` of a class per
            pixel, with or without a sigmoid at the end.
    """
    last = _last(model)
    size = SIZES.get(type(last).__name__)
    if size is not None:
        dense = clone_with(last, **{size: 2}, activation="linear")
        weights = [
            np.concatenate([np.zeros_like(w), w], -1) for w in last.get_weights()
        ]
        return _with_last(model, dense, weights)
    if _activation(last) == "sigmoid":
        model = _with_last(model, identity, [])
    dense = keras.layers.Dense(2, use_bias=False, name="two_logits")
    graph = functional_graph(model)
    logits = dense(graph.outputs[0])
    dense.set_weights([np.array([[0.0, 1.0]], np.float32)])
    return keras.Model(graph.inputs, logits, name=model.name)


def with_flat_output(model: keras.Model) -> keras.Model:
    """Flatten the output of a forecaster, `(steps, targets)` or more axes.

    Args:
        model: functional or Sequential, with one output; it is not changed.
    """
    graph = functional_graph(model)
    if len(graph.outputs[0].shape) == 2:
        return model
    flat = keras.layers.Flatten(name="flat_forecast")(graph.outputs[0])
    return keras.Model(graph.inputs, flat, name=model.name)


def _with_last(model: keras.Model, new: Any, weights: list[Any]) -> keras.Model:
    """Rebuild a model with another last layer."""
    last = _last(model)
    return rebuild_with_weights(
        model,
        lambda layer: new if layer is last else None,
        lambda layer: weights if layer is last else layer.get_weights(),
    )


def _without_activation(last: Any) -> Any:
    if type(last).__name__ in FINAL:
        return identity
    return clone_with(last, activation="linear")


def _last(model: keras.Model) -> Any:
    return functional_graph(model).outputs[0]._keras_history.operation


def _units(model: keras.Model) -> int:
    return int(functional_graph(model).outputs[0].shape[-1])


def _activation(layer: Any) -> str:
    """Name of the activation that a layer ends with; empty without one."""
    name = type(layer).__name__
    if name in ("Softmax", "Sigmoid"):
        return name.lower()
    activation = getattr(layer, "activation", None)
    if activation is None:
        return ""
    return str(getattr(activation, "__name__", type(activation).__name__.lower()))
