"""The compression table of a model: which technique supports which layer.

In: a Keras 3 model. Out: one row per layer of its tf_keras copy.

Nothing is trained: `supported_layers` knows about pruning and quantization-aware
training, clustering supports every kernel, and int8 is tried: the converter writes the
whole model or, if it refuses, each layer alone.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import keras
import numpy as np
import tf_keras

from pipeline.compress.tfmot.bridge import to_tf_keras
from pipeline.compress.tfmot.export import export
from pipeline.compress.tfmot.keras_layer import KerasLayer, kind_of
from pipeline.compress.tfmot.random_input import random_batch
from pipeline.compress.tfmot.supported_layers import (
    NOTHING_TO_QUANTIZE,
    prunable,
    quantizable,
)
from pipeline.core.errors import UserError

YES, NO, NOT_APPLICABLE = "yes", "no", "-"


@dataclass(frozen=True)
class LayerSupport:
    """Techniques that support a layer: `yes`, `no`, or `-` if there is no weight.

    Args:
        name: name of the layer.
        kind: its class.
        prune: whether tfmot prunes it.
        cluster: whether its weights can be clustered.
        qat: whether tfmot trains it for int8.
        int8: whether the converter writes it in int8.
    """

    name: str
    kind: str
    prune: str
    cluster: str
    qat: str
    int8: str

    def to_json(self) -> dict[str, str]:
        """Return the row as a JSON object."""
        return asdict(self)


def support_table(model: keras.Model) -> list[LayerSupport]:
    """Determine which techniques support each layer of a model.

    Args:
        model: built functional or Sequential model.

    Returns:
        One row per layer, without the inputs.

    Raises:
        UserError: if the model cannot be converted to tf_keras.
    """
    copy = to_tf_keras(model)
    layers = [layer for layer in copy.layers if type(layer).__name__ != "InputLayer"]
    trained = {layer.name: quantizable(layer) for layer in layers}
    whole = _converts_to_int8(to_tf_keras(model), random_batch(model, 1))
    return [
        LayerSupport(
            layer.name,
            kind_of(layer),
            prune=_if_kernel(layer, prunable(layer)),
            cluster=_if_kernel(layer, not isinstance(layer, KerasLayer)),
            qat=_qat(layer, trained[layer.name]),
            int8=YES if whole or _alone_converts_to_int8(layer) else NO,
        )
        for layer in layers
    ]


def _if_kernel(layer: Any, supported: bool) -> str:
    kernels = [weight for weight in layer.weights if len(weight.shape) > 1]
    return (YES if supported else NO) if kernels else NOT_APPLICABLE


def _qat(layer: Any, supported: bool) -> str:
    if type(layer).__name__ in NOTHING_TO_QUANTIZE:
        return NOT_APPLICABLE
    return YES if supported else NO


def _alone_converts_to_int8(layer: Any) -> bool:
    """Return whether the converter writes a model of this layer alone."""
    try:
        shapes = layer.input_shape
        several = isinstance(shapes, list)
        shape = shapes[0] if several else shapes
        tensor = tf_keras.Input(shape[1:], dtype="float32", name="given")
        fresh = type(layer).from_config(layer.get_config())
        outputs = fresh([tensor] * len(shapes) if several else tensor)
        batch = np.random.default_rng(1).normal(size=(8, *shape[1:]))
        model = tf_keras.Model(tensor, outputs)
        return _converts_to_int8(model, batch.astype(np.float32))
    except (TypeError, ValueError):  # a layer that cannot be called by itself
        return False


def _converts_to_int8(model: tf_keras.Model, batch: np.ndarray) -> bool:
    try:
        return bool(export(model, "int8", batch))
    except UserError:
        return False
