"""Convert a Keras 3 model to an equal tf_keras model, since tfmot refuses Keras 3.

In: a functional or Sequential Keras 3 model. Out: a functional tf_keras model with the
same layer names and weights.

Keras itself walks the graph: where it would run an operation, the equivalent tf_keras
layer is applied to a tf_keras tensor instead. Nested models are inlined. Every
conversion is checked on random input. Unsupported models are rejected at once, naming
the layer.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tf_keras

from pipeline.compress.rewrite.rebuild import functional_graph, model_outputs
from pipeline.compress.tfmot.layers import to_tf_keras_layer
from pipeline.compress.tfmot.random_input import random_batch
from pipeline.compress.tfmot.settings import configure_tf_keras
from pipeline.core.errors import UserError
from pipeline.models.graph import is_nested

TOLERANCE = 1e-5  # the largest difference observed is 2e-7, in attention


def to_tf_keras(
    model: keras.Model, seed: int = 1, tolerance: float = TOLERANCE
) -> tf_keras.Model:
    """Convert a functional or Sequential model and check that outputs are equal.

    Each call makes new layers: tfmot's wrappers change the layers they wrap, so every
    recipe needs its own conversion.

    Args:
        model: built Keras 3 model of standard layers with float32 weights.
        seed: seed of the random input of the check.
        tolerance: maximum difference of outputs, relative to outputs larger than 1;
            default 1e-5.

    Returns:
        An uncompiled functional model with the same layer names and weights.

    Raises:
        UserError: naming the layer that tf_keras lacks, or the first layer whose output
            differs by more than the tolerance.
    """
    configure_tf_keras()
    graph = functional_graph(model)
    converter = _Converter()
    inputs = [_input(tensor) for tensor in graph.inputs]
    outputs = graph._run_through_graph(inputs, operation_fn=converter)
    converted = tf_keras.Model(inputs, _single(outputs), name=model.name)
    converter.copy_weights()
    check_equal(model, converted, seed, tolerance)
    return converted


def check_equal(
    model: keras.Model,
    converted: tf_keras.Model,
    seed: int,
    tolerance: float = TOLERANCE,
) -> None:
    """Compare a model and its conversion on random input.

    Args:
        model: the Keras 3 model.
        converted: its tf_keras copy.
        seed: seed of the random input.
        tolerance: maximum difference, relative to outputs larger than 1; default 1e-5.

    Raises:
        UserError: if an output differs by more than the tolerance.
    """
    batch = random_batch(model, seed)
    expected = keras.tree.flatten(model_outputs(model, batch))
    received = keras.tree.flatten(converted(batch, training=False))
    for want, got in zip(expected, received, strict=True):
        difference = max_difference(np.asarray(want), np.asarray(got))
        if not difference <= tolerance:
            raise UserError(
                f'model "{model.name}" and its tf_keras copy differ by '
                f"{difference:.2g} on random input (allowed: {tolerance:g}); "
                f"{_first_different_layer(model, converted, batch)}"
            )


def check_same_outputs(model: keras.Model, other: keras.Model) -> None:
    """Compare two Keras 3 models on random input.

    Args:
        model: a model with one output.
        other: the same model with layers folded.

    Raises:
        UserError: if an output differs by more than 1e-4 of the largest output.
    """
    batch = random_batch(model, 1)
    outputs = [np.asarray(model_outputs(net, batch)) for net in (model, other)]
    difference = max_difference(*outputs)
    if not difference <= 10 * TOLERANCE:
        raise UserError(
            f'folding normalizations and activations changes model "{model.name}" by '
            f"{difference:.2g} on random input; leave cluster and quantization-"
            "aware training out of the recipe"
        )


def max_difference(expected: np.ndarray, received: np.ndarray) -> float:
    """Compute the largest absolute difference, relative to outputs larger than 1.

    Args:
        expected: outputs of any shape.
        received: outputs to compare with them.

    Returns:
        max |expected - received| / max(1, max |expected|); infinity if shapes differ.
    """
    if expected.shape != received.shape:
        return float("inf")
    scale = max(1.0, float(np.max(np.abs(expected), initial=0.0)))
    return float(np.max(np.abs(expected - received), initial=0.0)) / scale


# Copies of these layers get their weights or statistics from their config.
IN_CONFIG = ("FixedRange", "KerasLayer", "Normalization")


class _Converter:
    """Maps each Keras 3 layer to one tf_keras layer; a shared layer stays shared.

    Attributes:
        cache: id of an operation -> its replacement.
        pairs: Keras 3 layers and their copies, whose weights are still to be copied.
        names: layer names that are taken.
        prefix: names of the nested models around the present operation.
    """

    def __init__(self) -> None:
        self.cache: dict[int, Callable[..., Any]] = {}
        self.pairs: list[tuple[keras.layers.Layer, tf_keras.layers.Layer]] = []
        self.names: set[str] = set()
        self.prefix = ""

    def __call__(self, operation: Any) -> Callable[..., Any]:
        if is_nested(operation):
            return lambda *inputs, **_: self._inline(operation, inputs)
        if id(operation) not in self.cache:
            self.cache[id(operation)] = self._convert(operation)
        return _without_recorded_defaults(self.cache[id(operation)])

    def copy_weights(self) -> None:
        """Give every tf_keras layer the weights of its source."""
        for source, layer in self.pairs:
            try:
                layer.set_weights(source.get_weights())
            except ValueError as error:
                raise UserError(
                    f'the weights of layer "{source.name}" '
                    f"({type(source).__name__}) do not fit its tf_keras copy: {error}"
                ) from error

    def _convert(self, operation: Any) -> Callable[..., Any]:
        layer = to_tf_keras_layer(operation, self._free_name(operation.name))
        if hasattr(layer, "set_weights") and type(layer).__name__ not in IN_CONFIG:
            self.pairs.append((operation, layer))
        return layer

    def _free_name(self, name: str) -> str:
        """Return a free name; if it is taken, prefix the nested model's name."""
        free = name if name not in self.names else f"{self.prefix}{name}"
        while free in self.names:
            free += "_"
        self.names.add(free)
        return free

    def _inline(self, model: keras.Model, inputs: tuple[Any, ...]) -> Any:
        outside, self.prefix = self.prefix, f"{self.prefix}{model.name}_"
        outputs = functional_graph(model)._run_through_graph(inputs, operation_fn=self)
        self.prefix = outside
        return outputs


def _input(tensor: keras.KerasTensor) -> Any:
    name = tensor._keras_history.operation.name
    return tf_keras.Input(tensor.shape[1:], dtype=tensor.dtype, name=name)


def _single(outputs: Any) -> Any:
    """Return the only element of a list of one, and anything else unchanged."""
    return outputs[0] if isinstance(outputs, list) and len(outputs) == 1 else outputs


def _without_recorded_defaults(call: Callable[..., Any]) -> Callable[..., Any]:
    """Drop the arguments that Keras 3 records in a graph although nobody passed them.

    It records `mask=None`, and for layers such as Dropout and LSTM `training=False`,
    which tf_keras would obey: dropout would never drop, and tfmot never prune. A batch
    normalization has it only when the user froze the statistics.
    """
    keeps_training = isinstance(call, tf_keras.layers.BatchNormalization)

    def called(*arguments: Any, training: Any = None, **named: Any) -> Any:
        named |= {"training": training} if keeps_training else {}
        passed = {key: value for key, value in named.items() if value is not None}
        return call(*arguments, **passed)

    return called


def _first_different_layer(
    model: keras.Model, converted: tf_keras.Model, batch: Any
) -> str:
    """Name the first layer of both models whose outputs differ."""
    names = {layer.name for layer in converted.layers}
    for source in functional_graph(model).operations:
        if source.name not in names:
            continue
        copy = converted.get_layer(source.name)
        want = keras.Model(_single(model.inputs), source.output)(batch)
        got = tf_keras.Model(converted.inputs, copy.output)(batch)
        if not max_difference(np.asarray(want), np.asarray(got)) <= TOLERANCE:
            return f'layer "{source.name}" ({type(source).__name__}) is the first'
    return "no single layer differs"
