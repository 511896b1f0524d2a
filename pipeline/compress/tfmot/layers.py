"""Convert one Keras 3 layer or operation to an unbuilt tf_keras layer.

In: a Keras 3 operation and a name. Out: the equivalent tf_keras layer.

Most layers have the same name and constructor in both libraries, so a layer is made
from the source's config, reduced to the arguments that tf_keras accepts. The tables
below are the exceptions.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial
from typing import Any

import keras
import numpy as np
import tensorflow as tf
import tf_keras

from pipeline.compress.tfmot.keras_layer import KerasLayer, Source, is_foreign
from pipeline.compress.tfmot.operations import CHAINS, to_function
from pipeline.core.errors import UserError, did_you_mean

# Constructor arguments with another name: {class: {Keras 3: tf_keras}}.
RENAMED = {
    "LeakyReLU": {"negative_slope": "alpha"},
}
# Prefix of augmentation layers, which do nothing at inference.
TRAINING_ONLY_PREFIX = "Random"
# Arguments that cannot become layers of their own where tf_keras computes otherwise.
OTHER_ACTIVATIONS = ("recurrent_activation",)
BASE_ARGUMENTS = {"name", "trainable", "dtype"}


def to_tf_keras_layer(operation: Any, name: str) -> Callable[..., Any]:
    """Make a tf_keras layer that computes the same as a Keras 3 operation.

    Args:
        operation: a Keras 3 layer, or an operation of a functional graph.
        name: the name of the new layer.

    Returns:
        A tf_keras layer, or a function of tensors for an operation without a layer.

    Raises:
        UserError: naming the operation, or the layer whose copy cannot be made.
    """
    if not isinstance(operation, keras.layers.Layer):
        return to_function(operation, name)
    if type(operation).__name__.startswith(TRAINING_ONLY_PREFIX):
        return lambda inputs, **_: inputs
    check_precision(operation)
    if is_foreign(operation):
        return KerasLayer(Source(operation), name)
    config = {**operation.get_config(), "name": name}
    if type(operation).__name__ == "FakeQuant":
        low, high = operation.interval()
        return FixedRange(low, high, name)
    if type(operation).__name__ == "Normalization":
        return _from_config("Normalization", {**config, **_statistics(operation)})
    if type(operation).__name__ == "SeparableConv2D":
        return SeparableConv2D(config)
    if type(operation).__name__ in ("AveragePooling3D", "MaxPooling3D"):
        return Pooling3D(type(operation).__name__, config)
    if any(str(config.get(key)) in CHAINS for key in OTHER_ACTIVATIONS):
        return KerasLayer(Source(operation), name)
    try:
        return _with_activation(type(operation).__name__, config)
    except UserError:  # tf_keras lacks the class, or an argument of it
        return KerasLayer(Source(operation), name)


def _with_activation(kind: str, config: dict[str, Any]) -> Callable[..., Any]:
    """Make a layer; a layer as activation, or one that tf_keras lacks, follows it."""
    activation: Any = config.get("activation")
    is_layer = isinstance(activation, dict) and "config" in activation
    if kind == "Activation" and not is_layer and activation in CHAINS:
        return partial(CHAINS[activation], name=config["name"])
    if kind == "Activation" and is_layer:
        return _from_config(activation["class_name"], _named(activation, config, ""))
    if is_layer and activation.get("module") == "keras.layers":
        inner = _named(activation, config, "_activation")
        after = _from_config(activation["class_name"], inner)
    elif isinstance(activation, str) and activation in CHAINS:
        after = partial(CHAINS[activation], name=f"{config['name']}_activation")
    else:
        return _from_config(kind, config)
    return Activated(_from_config(kind, {**config, "activation": "linear"}), after)


def _named(activation: Any, config: dict[str, Any], suffix: str) -> dict[str, Any]:
    return {**activation["config"], "name": f"{config['name']}{suffix}"}


class FixedRange(tf_keras.layers.Layer):
    """Fake quantization of activations: the converter reads the range from it.

    Args:
        low, high: ends of the range.
        name: of the layer.
    """

    def __init__(self, low: float, high: float, name: str):
        super().__init__(name=name)
        self.range = (low, high)

    def call(self, inputs: Any) -> Any:
        """Round to the 256 levels of the range."""
        return tf.quantization.fake_quant_with_min_max_vars(inputs, *self.range)


class Activated:
    """A linear layer, and the activation after it as layers of their own.

    Args:
        layer: the layer without its activation.
        after: the activation.
    """

    def __init__(self, layer: Any, after: Callable[..., Any]):
        self.layer, self.after = layer, after

    def __call__(self, *inputs: Any, **named: Any) -> Any:
        """Apply both to tensors."""
        return self.after(self.layer(*inputs, **named))

    def set_weights(self, weights: list[Any]) -> None:
        """Set the weights of the layer."""
        self.layer.set_weights(weights)


class SeparableConv2D:
    """A depthwise and a 1x1 convolution: tfmot's own split breaks in residual nets.

    Args:
        config: config of the Keras 3 SeparableConv2D.
    """

    def __init__(self, config: dict[str, Any]):
        name = f"{config['name']}_depthwise"
        spatial = {**config, "name": name, "use_bias": False, "activation": None}
        del spatial["filters"]
        across = {**config, "kernel_size": 1, "strides": 1, "dilation_rate": 1}
        across["kernel_regularizer"] = config["pointwise_regularizer"]
        self.depthwise = _from_config("DepthwiseConv2D", spatial)
        self.pointwise = _from_config("Conv2D", across)

    def __call__(self, inputs: Any) -> Any:
        """Apply both convolutions to images `(batch, height, width, channels)`."""
        return self.pointwise(self.depthwise(inputs))

    def set_weights(self, weights: list[Any]) -> None:
        """Set the weights of both layers.

        Args:
            weights: depthwise kernel, pointwise kernel and, if used, bias.
        """
        self.depthwise.set_weights(weights[:1])
        self.pointwise.set_weights(weights[1:])


class Pooling3D:
    """Pooling of height and width, then of depth: LiteRT has no pooling of volumes.

    A window is a box, so the maximum of maxima, and the mean of means, are those of the
    box, at the borders as well.

    Args:
        kind: `AveragePooling3D` or `MaxPooling3D`.
        config: config of the Keras 3 layer.
    """

    def __init__(self, kind: str, config: dict[str, Any]):
        self.name, self.kind = config["name"], kind.replace("3D", "2D")
        self.size, self.strides = config["pool_size"], config["strides"]
        self.options = {"padding": config["padding"]}
        if config["data_format"] != "channels_last":
            raise UserError(f'layer "{self.name}": its channels must be last')

    def __call__(self, volume: Any) -> Any:
        """Apply both to volumes `(batch, depth, height, width, channels)`."""
        across = self._pooling("across", self.size[1:], self.strides[1:])
        x = tf_keras.layers.TimeDistributed(across, name=f"{self.name}_across")(volume)
        depth, height, width, channels = x.shape[1:]
        x = self._reshaped("rows", x, (depth, height * width, channels))
        along = (self.size[0], 1), (self.strides[0], 1)
        x = self._pooling("depth", *along)(x)
        return self._reshaped("volume", x, (x.shape[1], height, width, channels))

    def _pooling(self, part: str, size: Any, strides: Any) -> tf_keras.layers.Layer:
        layer_class = getattr(tf_keras.layers, self.kind)
        name = f"{self.name}_{part}_pool"
        return layer_class(tuple(size), tuple(strides), name=name, **self.options)

    def _reshaped(self, part: str, x: Any, shape: tuple[int, ...]) -> Any:
        return tf_keras.layers.Reshape(shape, name=f"{self.name}_{part}")(x)


def _statistics(layer: keras.layers.Normalization) -> dict[str, Any]:
    """Return the adapted mean and variance as entries of the config.

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
            f"{did_you_mean(kind, dir(tf_keras.layers))}; only standard layers can be "
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
    """Return the entries of a Keras 3 config that the tf_keras constructor accepts."""
    renamed = RENAMED.get(layer_class.__name__, {})
    accepted = _accepted(layer_class)
    named = {renamed.get(key, key): value for key, value in config.items()}
    return {
        key: _plain(value)
        for key, value in named.items()
        if key in accepted and not key.endswith("_initializer")
    }


def _accepted(layer_class: type) -> set[str]:
    """Return the parameter names of all constructors up to the base layer."""
    names = set(BASE_ARGUMENTS)
    for ancestor in layer_class.__mro__:
        if ancestor is tf_keras.layers.Layer:
            break
        if "__init__" in vars(ancestor):
            names |= set(inspect.signature(vars(ancestor)["__init__"]).parameters)
    if not issubclass(layer_class, tf_keras.layers.BatchNormalization):
        names.discard("trainable")  # layers frozen in training are compressed, too
    return names - {"self", "args", "kwargs"}


def _plain(value: Any) -> Any:
    """Convert a nested layer to a tf_keras layer, and a dtype policy to its name."""
    if not isinstance(value, dict) or "class_name" not in value:
        return value
    if value["class_name"] == "DTypePolicy":
        return value["config"]["name"]
    if value.get("module") == "keras.layers":
        return _from_config(value["class_name"], value["config"])
    return value


def check_precision(layer: keras.layers.Layer) -> None:
    """Check that a layer computes in float32.

    Args:
        layer: of Keras 3.

    Raises:
        UserError: naming the layer and its precision.
    """
    policy = layer.dtype_policy.name
    if policy != "float32":
        raise UserError(
            f'layer "{layer.name}" computes in {policy}; compression needs float32, '
            'so build the model with dtype="float32"'
        )
