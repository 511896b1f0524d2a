"""One Keras 3 operation in, the equal tf_keras layer (not yet built) out.

Most layers have the same name and the same constructor in both libraries, so a
layer is rebuilt from its own config, reduced to what tf_keras accepts. The
exceptions are the tables below.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tf_keras

from pipeline.core.errors import UserError, nearest

# Constructor arguments that tf_keras calls otherwise: {class: {Keras 3: tf_keras}}.
RENAMED = {
    "LeakyReLU": {"negative_slope": "alpha"},
}
# What `x + y` and its kin record in a graph, and the layer that says the same.
MERGES = ("Add", "Subtract", "Multiply", "Maximum", "Minimum")
# `x + 3` and its kin: what they multiply with and add.
WITH_NUMBER = {
    "Add": lambda number: (1.0, number),
    "Subtract": lambda number: (1.0, -number),
    "Multiply": lambda number: (number, 0.0),
}
# How Keras 3 computes masks in a graph; tf_keras passes masks on by itself.
MASKING = ("NotEqual", "Any")
# Layers that change images in training only; the data are augmented elsewhere.
TRAINING_ONLY_PREFIX = "Random"
BASE_ARGUMENTS = {"name", "trainable", "dtype"}


def hard_silu(x: Any) -> Any:
    """x * relu6(x + 3) / 6 (Howard et al., Searching for MobileNetV3, 2019)."""
    return x * tf_keras.activations.relu(x + 3, max_value=6) / 6


# Found by its name wherever a config says it; tf_keras has none.
tf_keras.utils.get_custom_objects()["hard_silu"] = hard_silu


def rebuild(operation: Any, name: str) -> Callable[..., Any]:
    """Make a tf_keras layer that computes what `operation` computes.

    Args:
        operation: a Keras 3 layer, or an operation of a functional graph.
        name: the name of the new layer.

    Returns:
        A tf_keras layer, or a function of tensors for a layer that vanishes.

    Raises:
        UserError: names the layer that has no equal in tf_keras.
    """
    if not isinstance(operation, keras.layers.Layer):
        return _merge(operation, name)
    if type(operation).__name__.startswith(TRAINING_ONLY_PREFIX):
        return lambda inputs, **_: inputs
    _refuse_other_precision(operation)
    config = {**operation.get_config(), "name": name}
    if type(operation).__name__ == "Normalization":
        return _from_config("Normalization", {**config, **_adapted(operation)})
    if type(operation).__name__ == "SeparableConv2D":
        return SeparableConv2D(config)
    return _from_config(type(operation).__name__, config)


class SeparableConv2D:
    """A depthwise and a 1x1 convolution: tfmot's own split breaks in a residual."""

    def __init__(self, config: dict[str, Any]):
        name = f"{config['name']}_depthwise"
        spatial = {**config, "name": name, "use_bias": False, "activation": None}
        del spatial["filters"]
        across = {**config, "kernel_size": 1, "strides": 1, "dilation_rate": 1}
        across["kernel_regularizer"] = config["pointwise_regularizer"]
        self.depthwise = _from_config("DepthwiseConv2D", spatial)
        self.pointwise = _from_config("Conv2D", across)

    def __call__(self, inputs: Any) -> Any:
        return self.pointwise(self.depthwise(inputs))

    def set_weights(self, weights: list[Any]) -> None:
        """Take depthwise kernel, pointwise kernel and, if used, bias."""
        self.depthwise.set_weights(weights[:1])
        self.pointwise.set_weights(weights[1:])


def _adapted(layer: keras.layers.Normalization) -> dict[str, Any]:
    """What a Normalization learnt, as numbers of its config.

    As weights, they would be lost wherever tf_keras or tfmot clones the layer.
    """
    if layer.input_mean is not None:
        return {}
    weights = {"mean": layer.adapt_mean, "variance": layer.adapt_variance}
    return {name: np.asarray(weight) for name, weight in weights.items()}


def _from_config(kind: str, config: dict[str, Any]) -> tf_keras.layers.Layer:
    layer_class = getattr(tf_keras.layers, kind, None)
    if layer_class is None:
        raise UserError(
            f'layer "{config["name"]}" is of class {kind}, which tf_keras does not have'
            f"{nearest(kind, dir(tf_keras.layers))}; only standard layers can be "
            "compressed, so rebuild the model without it"
        )
    try:
        return layer_class(**_arguments(layer_class, config))
    except (TypeError, ValueError) as error:
        raise UserError(
            f'layer "{config["name"]}" ({kind}) cannot be rebuilt in tf_keras: '
            f"{str(error).splitlines()[0]}"
        ) from error


def _arguments(layer_class: type, config: dict[str, Any]) -> dict[str, Any]:
    """The part of a Keras 3 config that the tf_keras constructor accepts."""
    renamed = RENAMED.get(layer_class.__name__, {})
    accepted = _accepted(layer_class)
    named = {renamed.get(key, key): value for key, value in config.items()}
    return {
        key: _plain(value)
        for key, value in named.items()
        if key in accepted and not key.endswith("_initializer")
    }


def _accepted(layer_class: type) -> set[str]:
    """Parameter names of all constructors up to the base layer."""
    names = set(BASE_ARGUMENTS)
    for ancestor in layer_class.__mro__:
        if ancestor is tf_keras.layers.Layer:
            break
        if "__init__" in vars(ancestor):
            names |= set(inspect.signature(ancestor.__init__).parameters)
    if not issubclass(layer_class, tf_keras.layers.BatchNormalization):
        names.discard("trainable")  # what training froze is compressed all the same
    return names - {"self", "args", "kwargs"}


def _plain(value: Any) -> Any:
    """A nested layer becomes a layer; a dtype policy becomes its name."""
    if not isinstance(value, dict) or "class_name" not in value:
        return value
    if value["class_name"] == "DTypePolicy":
        return value["config"]["name"]
    if value.get("module") == "keras.layers":
        return _from_config(value["class_name"], value["config"])
    return value


def _refuse_other_precision(layer: keras.layers.Layer) -> None:
    policy = layer.dtype_policy.name
    if policy != "float32":
        raise UserError(
            f'layer "{layer.name}" computes in {policy}; compression needs float32, '
            'so build the model with dtype="float32"'
        )


def _merge(operation: Any, name: str) -> Callable[..., Any]:
    """`x + y` between two tensors, as the layer that tfmot knows."""
    kind = type(operation).__name__
    if kind in MASKING:
        return lambda *_, **__: None
    if kind not in MERGES:
        raise UserError(
            f'operation "{operation.name}" ({kind}) of the graph is not a layer; '
            f"allowed outside layers: {', '.join(MERGES)}"
        )
    layer = getattr(tf_keras.layers, kind)(name=name)

    def merge(x1: Any, x2: Any) -> Any:
        if isinstance(x2, int | float) and kind in WITH_NUMBER:
            scale, offset = WITH_NUMBER[kind](x2)
            return tf_keras.layers.Rescaling(scale, offset, name=name)(x1)
        return layer([x1, x2])

    return merge
