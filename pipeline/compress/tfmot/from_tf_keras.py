"""Rebuild a model of Keras 2 as an equal Keras 3 model: the bridge the other way.

In: a .h5 or .keras file of Keras 2 or tf_keras. Out: a functional Keras 3 model with
the same layer names and weights; nested models are inlined. tf_keras loads the file,
because Keras 3 refuses settings of older versions, such as `groups` of a
DepthwiseConv2D; every rebuilt model is compared with it on random input.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tf_keras

from pipeline.compress.inspection.keras_config import KerasConfig, read_keras
from pipeline.compress.rewrite.rebuild import model_outputs, single
from pipeline.compress.tfmot.bridge import TOLERANCE, max_difference
from pipeline.compress.tfmot.random_input import random_batch
from pipeline.core.errors import UserError

RENAMED = {("LeakyReLU", "alpha"): "negative_slope"}
# Endings of settings that only matter before training, or in it.
DROPPED = ("_initializer", "_regularizer", "_constraint", "dtype")


def load_keras_2(path: Path) -> keras.Model:
    """Load a file of Keras 2 and rebuild it in Keras 3.

    Args:
        path: a .h5 or .keras file, whose layers are built-in ones.

    Raises:
        UserError: naming the layer that cannot be rebuilt.
    """
    config = read_keras(path)
    _check_calls(path, config)
    original = _load(path)
    model = _rebuilt(path, config, original)
    batch = random_batch(model, 1)
    expected = np.asarray(original(batch, training=False))
    difference = max_difference(expected, np.asarray(model_outputs(model, batch)))
    if not difference <= TOLERANCE:
        raise UserError(
            f"{path}: rebuilt in Keras 3, its outputs on random input differ by "
            f"{difference:.2g} (allowed: {TOLERANCE:g}); build the model in Keras 3, "
            "load its weights, and save it as .keras"
        )
    return model


def _check_calls(path: Path, config: KerasConfig) -> None:
    shared = [layer.name for layer in config.layers if layer.calls > 1]
    if shared:
        raise UserError(
            f'{path}: layer "{shared[0]}" is called more than once; save the model '
            "with Keras 3, which keeps shared layers"
        )


def _load(path: Path) -> Any:
    try:
        return tf_keras.models.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # tf_keras raises whatever a configuration leads to
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise UserError(f"{path}: tf_keras cannot load it: {reason}") from None


def _rebuilt(path: Path, config: KerasConfig, original: Any) -> keras.Model:
    sources = dict(_layers(original, ""))
    tensors: dict[str, Any] = {}
    for layer in config.layers:
        if layer.kind == "InputLayer":
            shape = layer.config.get("batch_shape") or layer.config["batch_input_shape"]
            dtype = layer.config.get("dtype") or "float32"
            tensors[layer.name] = keras.Input(
                shape[1:], name=_plain(layer.name), dtype=dtype
            )
            continue
        inputs = [tensors[name] for name in layer.before]
        new = _new_layer(layer.kind, layer.config, _plain(layer.name), path)
        tensors[layer.name] = new(inputs[0] if len(inputs) == 1 else inputs)
        _set_weights(new, sources.get(layer.name), path)
    inputs = [tensors[x.name] for x in config.layers if x.kind == "InputLayer"]
    outputs = [tensors[name] for name in config.outputs]
    return keras.Model(single(inputs), single(outputs), name=_plain(config.name))


def _layers(model: Any, prefix: str) -> list[tuple[str, Any]]:
    """Names as in `read_keras` -> layers, those of nested models included."""
    found: list[tuple[str, Any]] = []
    for layer in model.layers:
        name = f"{prefix}{layer.name}"
        nested = isinstance(layer, tf_keras.Model)
        found += _layers(layer, f"{name}/") if nested else [(name, layer)]
    return found


def _plain(name: str) -> str:
    return name.replace("/", "_")


def _new_layer(kind: str, config: Mapping[str, Any], name: str, path: Path) -> Any:
    cls = getattr(keras.layers, kind, None)
    if cls is None:
        raise UserError(
            f'{path}: layer "{name}" is a {kind}, which Keras 3 does not have; build '
            "the model from layers of keras.layers"
        )
    settings = {RENAMED.get((kind, key), key): v for key, v in config.items()}
    allowed = set(inspect.signature(cls.__init__).parameters)
    kept = {
        key: _value(key, value, path)
        for key, value in settings.items()
        if key in allowed and not key.endswith(DROPPED) and value is not None
    }
    try:
        return cls(**{**kept, "name": name})
    except (TypeError, ValueError) as error:
        reason = str(error).strip().splitlines()[0]
        raise UserError(
            f'{path}: layer "{name}" ({kind}) cannot be rebuilt in Keras 3: {reason}'
        ) from None


def _value(key: str, value: Any, path: Path) -> Any:
    if isinstance(value, dict) and "class_name" in value:
        inside = value.get("config")
        if value["class_name"] == "function":
            return inside
        if isinstance(inside, dict):
            name = str(inside.get("name", key))
            return _new_layer(value["class_name"], inside, name, path)
    if key == "axis" and isinstance(value, list) and len(value) == 1:
        return value[0]
    return value


def _set_weights(layer: Any, source: Any, path: Path) -> None:
    weights = source.get_weights() if source is not None else []
    try:
        layer.set_weights(weights)
    except ValueError as error:
        reason = str(error).strip().splitlines()[0]
        raise UserError(
            f'{path}: the weights of layer "{layer.name}" do not fit its Keras 3 '
            f"copy: {reason}"
        ) from None
