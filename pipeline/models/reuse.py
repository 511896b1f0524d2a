"""Trained models as parts of a new one.

In: a .keras file. Out: its layers in a new graph, flat, with names of their own,
so that compression sees plain layers.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import keras
from keras_tuner import HyperParameters

from pipeline.core.base_path import base
from pipeline.models.files import load_model
from pipeline.models.mistakes import Mistake
from pipeline.models.trained import find


def read(text: str, hp: HyperParameters, key: str) -> keras.Model:
    """Load a .keras file, and fix its hash among the hyperparameters.

    Args:
        text: a path from the working directory; `${NAME}` is the environment's NAME.
        key: the hyperparameter with the hash: a changed file is a changed value,
            so that what was made from it becomes stale.

    Raises:
        Mistake: when it is missing, damaged, no graph, or not the one that the
            search saw.
    """
    path = find(text)
    if not path.is_file():
        raise Mistake(
            f"{path}: there is no such .keras file (working in {Path.cwd() / base()})"
        )
    now = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
    seen = hp.Fixed(key, now)
    if seen != now:
        raise Mistake(
            f"{path}: changed since the search: {key} {seen} -> {now}; "
            "run the same command again"
        )
    model = load_model(path)
    if not hasattr(model, "_run_through_graph"):
        raise Mistake(f"{path}: a {type(model).__name__} has no graph of layers")
    return model


def ends(model: keras.Model) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The shapes of a model's one input and one output, without the batch.

    Raises:
        Mistake: when it has several, or no graph of layers.
    """
    if not getattr(model, "outputs", None):
        raise Mistake(f"is a {type(model).__name__}, which has no graph of layers")
    for what, tensors in (("inputs", model.inputs), ("outputs", model.outputs)):
        if len(tensors) > 1:
            shapes = " and ".join(str(tuple(one.shape[1:])) for one in tensors)
            raise Mistake(f"has {len(tensors)} {what}, {shapes}; one is needed")
    return tuple(model.inputs[0].shape[1:]), tuple(model.outputs[0].shape[1:])


def apply(model: keras.Model, x: Any, prefix: str = "") -> Any:
    """The model's output for `x`, its layers called `prefix` and their name.

    The image may have another size than the one that the model was trained on,
    unless a layer counts its pixels.

    Raises:
        Mistake: when it does.
    """
    copy = model
    if prefix:
        copy = keras.models.clone_model(model, clone_function=_renamer(prefix))
        copy.set_weights(model.get_weights())
    try:
        made = copy._run_through_graph([x], operation_fn=lambda operation: operation)
    except ValueError as error:
        reason = str(error).strip().splitlines()[0]
        raise Mistake(
            f"a trained model for {model.input_shape[1:]} cannot take {x.shape[1:]}: "
            f"{reason}"
        ) from error
    return keras.tree.flatten(made)[0]


def _renamer(prefix: str) -> Any:
    def rename(layer: keras.layers.Layer) -> keras.layers.Layer:
        config = {**layer.get_config(), "name": f"{prefix}{layer.name}"}
        return type(layer).from_config(config)

    return rename
