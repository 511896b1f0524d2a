"""A Keras 3 model in, the equal tf_keras model out, since tfmot refuses Keras 3.

The graph is walked by Keras itself: where it would run an operation, the equal
tf_keras layer is applied to a tf_keras tensor instead. Nested models are inlined
on the way. Names of layers are kept, weights are copied, and every conversion is
checked on random input before it is handed out.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tf_keras

from pipeline.compress.rewrite.fold import SILENT
from pipeline.compress.rewrite.rebuild import answers, functional_graph
from pipeline.compress.tfmot.layers import rebuild
from pipeline.core.errors import UserError
from pipeline.models.graph import calls

TOLERANCE = 1e-5  # the largest difference seen is 2e-7, in attention
CHECKED_EXAMPLES = 8


def to_tf_keras(model: keras.Model, seed: int = 1) -> tf_keras.Model:
    """Convert a functional or Sequential model and prove the result equal.

    Each call makes new layers: tfmot's wrappers change the layers they wrap, so
    every recipe starts from a conversion of its own.

    Args:
        model: built Keras 3 model of standard layers with float32 weights.
        seed: seed of the random input of the check.

    Returns:
        An uncompiled functional model with the same layer names and weights.

    Raises:
        UserError: names what tf_keras cannot express, or the first layer whose
            output differs by more than 1e-5.
    """
    graph = functional_graph(model)
    builder = _Builder()
    inputs = [_input(tensor) for tensor in graph.inputs]
    outputs = graph._run_through_graph(inputs, operation_fn=builder)
    converted = tf_keras.Model(inputs, _single(outputs), name=model.name)
    builder.copy_weights()
    check_equal(model, converted, seed)
    return converted


def check_equal(model: keras.Model, converted: tf_keras.Model, seed: int) -> None:
    """Compare both models on seeded random input.

    Raises:
        UserError: when an output differs by more than 1e-5 of the largest output.
    """
    batch = random_batch(model, seed)
    expected = keras.tree.flatten(answers(model, batch))
    received = keras.tree.flatten(converted(batch, training=False))
    for want, got in zip(expected, received, strict=True):
        difference = largest_difference(np.asarray(want), np.asarray(got))
        if not difference <= TOLERANCE:
            raise UserError(
                f'model "{model.name}" and its tf_keras copy differ by '
                f"{difference:.2g} on random input (allowed: {TOLERANCE:g}); "
                f"{_culprit(model, converted, batch)}"
            )


def check_same_answers(model: keras.Model, other: keras.Model) -> None:
    """Compare two Keras 3 models on seeded random input.

    Raises:
        UserError: when an output differs by more than 1e-4 of the largest output.
    """
    batch = random_batch(model, 1)
    first, second = (np.asarray(answers(each, batch)) for each in (model, other))
    difference = largest_difference(first, second)
    if not difference <= 10 * TOLERANCE:
        raise UserError(
            f'model "{model.name}" with normalizations and activations folded differs '
            f"by {difference:.2g} on random input; leave cluster and quantization-"
            "aware training out of the recipe"
        )


def largest_difference(expected: np.ndarray, received: np.ndarray) -> float:
    """Largest absolute difference, in units of the largest output if that is > 1."""
    if expected.shape != received.shape:
        return float("inf")
    scale = max(1.0, float(np.max(np.abs(expected), initial=0.0)))
    return float(np.max(np.abs(expected - received), initial=0.0)) / scale


def random_batch(model: keras.Model, seed: int) -> Any:
    """A seeded batch (one per input): normal numbers, or tokens if it embeds any.

    An input that a Normalization reads has the mean and the deviation that it was
    adapted to, or nothing but its answer to impossible input would be compared.
    """
    generator = np.random.default_rng(seed)
    tokens = min(_vocabularies(model), default=0)
    inputs = functional_graph(model).inputs
    batch = [_random(each, tokens, generator) for each in inputs]
    norms = _normalizations(model)
    return _single(
        [
            _as_adapted(each, *norms[number]) if number in norms else each
            for number, each in enumerate(batch)
        ]
    )


class _Builder:
    """Makes one tf_keras layer for each Keras 3 layer, shared layers once."""

    def __init__(self) -> None:
        self.made: dict[int, Callable[..., Any]] = {}
        self.pairs: list[tuple[keras.layers.Layer, tf_keras.layers.Layer]] = []
        self.names: set[str] = set()
        self.prefix = ""

    def __call__(self, operation: Any) -> Callable[..., Any]:
        if isinstance(operation, keras.Model):
            return lambda *inputs, **_: self._inline(operation, inputs)
        if id(operation) not in self.made:
            self.made[id(operation)] = self._make(operation)
        return _as_tf_keras_records(self.made[id(operation)])

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

    def _make(self, operation: Any) -> Callable[..., Any]:
        made = rebuild(operation, self._free_name(operation.name))
        # A Normalization has its statistics in its config.
        if hasattr(made, "set_weights") and type(made).__name__ != "Normalization":
            self.pairs.append((operation, made))
        return made

    def _free_name(self, name: str) -> str:
        """The name itself; a nested model's name goes before it when it is taken."""
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
    name = _source_name(tensor)
    return tf_keras.Input(tensor.shape[1:], dtype=tensor.dtype, name=name)


def _source_name(tensor: keras.KerasTensor) -> str:
    return tensor._keras_history.operation.name


def _single(outputs: Any) -> Any:
    """A list of one output becomes that output."""
    return outputs[0] if isinstance(outputs, list) and len(outputs) == 1 else outputs


def _as_tf_keras_records(call: Callable[..., Any]) -> Callable[..., Any]:
    """Leave out what Keras 3 writes into a graph without having been told to.

    It records `mask=None`, and for layers such as Dropout and LSTM `training=False`,
    which tf_keras would obey: dropout would never drop, and tfmot never prune. In a
    batch normalization it is there only when the user froze the statistics.
    """
    frozen = isinstance(call, tf_keras.layers.BatchNormalization)

    def called(*arguments: Any, training: Any = None, **named: Any) -> Any:
        named |= {"training": training} if frozen else {}
        given = {key: value for key, value in named.items() if value is not None}
        return call(*arguments, **given)

    return called


def _vocabularies(model: keras.Model) -> list[int]:
    layers = model._flatten_layers()
    return [each.input_dim for each in layers if type(each).__name__ == "Embedding"]


def _random(
    tensor: keras.KerasTensor, tokens: int, generator: np.random.Generator
) -> np.ndarray:
    shape = (CHECKED_EXAMPLES, *tensor.shape[1:])
    if tokens:
        return generator.integers(0, tokens, shape).astype(tensor.dtype)
    return generator.normal(size=shape).astype(tensor.dtype)


def _normalizations(model: keras.Model) -> dict[int, tuple[Any, tuple[int, ...]]]:
    """Number of an input -> the first Normalization that reads it, in which shape."""
    steps = calls(model)
    names = [_source_name(tensor) for tensor in functional_graph(model).inputs]
    whose: dict[int, int] = {}  # tensor -> number of the input whose values it has
    found: dict[int, tuple[Any, tuple[int, ...]]] = {}
    for step in steps:
        numbers = [whose[tensor] for tensor in step.inputs if tensor in whose]
        if step.kind == "InputLayer" and step.name in names:
            whose[step.outputs[0]] = names.index(step.name)
        elif step.kind in ("Flatten", "Reshape") and numbers:
            whose[step.outputs[0]] = numbers[0]
        elif step.kind == "Normalization" and numbers and not step.operation.invert:
            found.setdefault(numbers[0], (step.operation, step.input_shapes[0]))
    return found


def _as_adapted(batch: np.ndarray, norm: Any, shape: tuple[int, ...]) -> np.ndarray:
    deviation = np.sqrt(np.asarray(norm.variance))
    silent = (deviation <= keras.config.epsilon()) | (deviation**2 >= SILENT / 2)
    as_read = batch.reshape(len(batch), *shape)
    drawn = np.asarray(norm.mean) + np.where(silent, 0, deviation) * as_read
    return drawn.reshape(batch.shape).astype(batch.dtype)


def _culprit(model: keras.Model, converted: tf_keras.Model, batch: Any) -> str:
    """Name the first layer whose output differs, where both models have it."""
    names = [each.name for each in converted.layers]
    shared = [each for each in functional_graph(model).operations if each.name in names]
    for source in shared:
        copy = converted.get_layer(source.name)
        want = keras.Model(_single(model.inputs), source.output)(batch)
        got = tf_keras.Model(converted.inputs, copy.output)(batch)
        if not largest_difference(np.asarray(want), np.asarray(got)) <= TOLERANCE:
            return f'layer "{source.name}" ({type(source).__name__}) is the first'
    return "no single layer is to blame"
