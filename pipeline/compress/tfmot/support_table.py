"""The compression table of a model: which technique is possible in which layer.

In: a Keras 3 model. Out: one row for each layer of its tf_keras copy. Nothing is
trained: pruning and quantization-aware training are told by `support`, clustering
takes every kernel, and int8 is tried: the converter writes the whole model, or,
where it refuses, each layer alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tf_keras

from pipeline.compress.tfmot.bridge import random_batch, to_tf_keras
from pipeline.compress.tfmot.export import export
from pipeline.compress.tfmot.supported_layers import (
    NOTHING_TO_DO,
    prunable,
    quantizable,
)
from pipeline.core.errors import UserError

YES, NO, NOTHING = "yes", "no", "-"


@dataclass(frozen=True)
class Possible:
    """What can be done with a layer: `yes`, `no`, or `-` where there is no weight."""

    name: str
    kind: str
    prune: str
    cluster: str
    qat: str
    int8: str


def possible(model: keras.Model) -> list[Possible]:
    """One row for each layer but the inputs.

    Raises:
        UserError: when the model has no equal in tf_keras at all.
    """
    copy = to_tf_keras(model)
    layers = [each for each in copy.layers if type(each).__name__ != "InputLayer"]
    trained = {each.name: quantizable(each) for each in layers}
    whole = _writes_int8(to_tf_keras(model), random_batch(model, 1))
    return [
        Possible(
            layer.name,
            type(layer).__name__,
            prune=_with_kernel(layer, prunable(layer)),
            cluster=_with_kernel(layer, True),
            qat=_qat(layer, trained[layer.name]),
            int8=YES if whole or _alone(layer) else NO,
        )
        for layer in layers
    ]


def _with_kernel(layer: Any, can: bool) -> str:
    kernels = [weight for weight in layer.weights if len(weight.shape) > 1]
    return (YES if can else NO) if kernels else NOTHING


def _qat(layer: Any, can: bool) -> str:
    return NOTHING if type(layer).__name__ in NOTHING_TO_DO else YES if can else NO


def _alone(layer: Any) -> bool:
    """Whether the converter writes a model of this layer only."""
    try:
        shapes = layer.input_shape
        several = isinstance(shapes, list)
        shape = shapes[0] if several else shapes
        given = tf_keras.Input(shape[1:], dtype="float32", name="given")
        fresh = type(layer).from_config(layer.get_config())
        made = fresh([given] * len(shapes) if several else given)
        batch = np.random.default_rng(1).normal(size=(8, *shape[1:]))
        return _writes_int8(tf_keras.Model(given, made), batch.astype(np.float32))
    except (TypeError, ValueError):  # a layer that cannot be called by itself
        return False


def _writes_int8(model: tf_keras.Model, batch: np.ndarray) -> bool:
    try:
        return bool(export(model, "int8", batch))
    except UserError:
        return False
