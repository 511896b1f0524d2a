"""Random input on which a model and its copies are compared.

In: a Keras 3 model and a seed. Out: a batch of eight examples per input.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np

from pipeline.compress.rewrite.fold import NEUTRAL_VARIANCE
from pipeline.compress.rewrite.rebuild import functional_graph
from pipeline.models.graph import Call, calls

EXAMPLES = 8
PASS_THROUGH = ("Flatten", "Reshape")  # they change the shape alone


def random_batch(model: keras.Model, seed: int) -> Any:
    """Draw a random batch: standard normal numbers, or tokens if the model embeds any.

    An input that is read by a Normalization gets the mean and the standard deviation
    that the layer was adapted to. Otherwise the models would be compared on impossible
    inputs alone, whose outputs are huge.

    Args:
        model: functional or Sequential.
        seed: seed of the numbers.

    Returns:
        An array `(8, ...)` of the input's dtype; a list of arrays for several inputs.
    """
    generator = np.random.default_rng(seed)
    tokens = min(_vocabulary_sizes(model), default=0)
    inputs = functional_graph(model).inputs
    batch = [_random(tensor, tokens, generator) for tensor in inputs]
    for index, (norm, shape) in _normalizations(model).items():
        batch[index] = _denormalized(batch[index], norm, shape)
    return batch[0] if len(batch) == 1 else batch


def _vocabulary_sizes(model: keras.Model) -> list[int]:
    layers = model._flatten_layers()
    return [layer.input_dim for layer in layers if type(layer).__name__ == "Embedding"]


def _random(
    tensor: keras.KerasTensor, tokens: int, generator: np.random.Generator
) -> np.ndarray:
    shape = (EXAMPLES, *tensor.shape[1:])
    if tokens:
        return generator.integers(0, tokens, shape).astype(tensor.dtype)
    return generator.normal(size=shape).astype(tensor.dtype)


def _normalizations(model: keras.Model) -> dict[int, tuple[Any, tuple[int, ...]]]:
    """Map the index of an input to its first Normalization and the shape it reads."""
    norms: dict[int, tuple[Any, tuple[int, ...]]] = {}
    for index, step in _readers(model):
        if step.kind == "Normalization" and not step.operation.invert:
            norms.setdefault(index, (step.operation, step.input_shapes[0]))
    return norms


def _readers(model: keras.Model) -> Iterator[tuple[int, Call]]:
    """Iterate over calls that read the values of an input, with the input's index."""
    inputs = functional_graph(model).inputs
    names = [tensor._keras_history.operation.name for tensor in inputs]
    sources: dict[int, int] = {}  # tensor -> index of the input with the same values
    for step in calls(model):
        indices = [sources[tensor] for tensor in step.inputs if tensor in sources]
        if step.kind == "InputLayer" and step.name in names:
            sources[step.outputs[0]] = names.index(step.name)
        elif indices:
            if step.kind in PASS_THROUGH:
                sources[step.outputs[0]] = indices[0]
            yield indices[0], step


def _denormalized(batch: np.ndarray, norm: Any, shape: tuple[int, ...]) -> np.ndarray:
    """Scale standard normal numbers to a Normalization's mean and standard deviation.

    Constant and neutralized channels get their mean alone.
    """
    std = np.sqrt(np.asarray(norm.variance))
    constant = (std <= keras.config.epsilon()) | (std**2 >= NEUTRAL_VARIANCE / 2)
    values = batch.reshape(len(batch), *shape)
    scaled = np.asarray(norm.mean) + np.where(constant, 0, std) * values
    return scaled.reshape(batch.shape).astype(batch.dtype)
