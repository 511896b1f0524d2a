"""Trained models as parts of a new one.

In: a .keras file. Out: its layers inlined in a new graph under prefixed names, so
that compression sees plain layers.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
from keras_tuner import HyperParameters

from pipeline.core.base_path import base
from pipeline.core.regular_file import is_regular
from pipeline.models.errors import ModelError
from pipeline.models.files import load_model
from pipeline.models.referenced_files import find_file


def load_pinned(text: str, hp: HyperParameters, key: str) -> keras.Model:
    """Load a .keras file and record its hash as a fixed hyperparameter.

    Args:
        text: path from the working directory; `${NAME}` is an environment variable.
        hp: receives the hash; if it has one already, the file must match it.
        key: name of that hyperparameter. A changed file changes the value, so
            results that depend on it become stale.

    Returns:
        The model, uncompiled.

    Raises:
        ModelError: if the file is missing or damaged, has no graph of layers, or
            changed since the search.
    """
    path = find_file(text)
    if not is_regular(path):
        raise ModelError(
            f"{path}: there is no such .keras file (working in {Path.cwd() / base()})"
        )
    _pin(path, hp, key)
    model = load_model(path)
    if not hasattr(model, "_run_through_graph"):
        raise ModelError(f"{path}: a {type(model).__name__} has no graph of layers")
    return model


def _pin(path: Path, hp: HyperParameters, key: str) -> None:
    current = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
    pinned = hp.Fixed(key, current)
    if pinned != current:
        raise ModelError(
            f"{path}: changed since the search: {key} {pinned} -> {current}; "
            "run the same command again"
        )


def input_output_shapes(model: keras.Model) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the shapes of a model's only input and only output.

    Args:
        model: a functional or Sequential model.

    Returns:
        Input shape and output shape, without the batch axis.

    Raises:
        ModelError: for several inputs or outputs, or no graph of layers.
    """
    if not getattr(model, "outputs", None):
        raise ModelError(f"is a {type(model).__name__}, which has no graph of layers")
    for kind, tensors in (("inputs", model.inputs), ("outputs", model.outputs)):
        if len(tensors) > 1:
            shapes = " and ".join(str(tuple(tensor.shape[1:])) for tensor in tensors)
            raise ModelError(f"has {len(tensors)} {kind}, {shapes}; one is needed")
    return tuple(model.inputs[0].shape[1:]), tuple(model.outputs[0].shape[1:])


def inline(model: keras.Model, x: Any, prefix: str = "") -> Any:
    """Apply a model's layers to a tensor of another graph.

    Args:
        model: functional model with one input and one output.
        x: `(batch, ...)`. An image may differ in size from the model's input, unless
            a layer depends on the number of pixels.
        prefix: of the layers' names. With a prefix the layers are copies; without
            one they are the model's own.

    Returns:
        The model's output for `x`.

    Raises:
        ModelError: if the layers cannot process a tensor of this shape.
    """
    source = model
    if prefix:
        source = keras.models.clone_model(model, clone_function=_renamer(prefix))
        source.set_weights(model.get_weights())
    try:
        output = source._run_through_graph([x], operation_fn=lambda layer: layer)
    except ValueError as error:
        reason = str(error).strip().splitlines()[0]
        raise ModelError(
            f"a trained model for {model.input_shape[1:]} cannot take {x.shape[1:]}: "
            f"{reason}"
        ) from error
    return keras.tree.flatten(output)[0]


def _renamer(prefix: str) -> Callable[[keras.layers.Layer], keras.layers.Layer]:
    def rename(layer: keras.layers.Layer) -> keras.layers.Layer:
        config = {**layer.get_config(), "name": f"{prefix}{layer.name}"}
        return type(layer).from_config(config)

    return rename
