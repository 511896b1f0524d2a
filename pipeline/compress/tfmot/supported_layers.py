"""Which layers tfmot can handle, said before any training.

The tables repeat what tfmot's registries and graph rules allow, without running
them; tests hold every line against tfmot itself. A layer that a technique cannot
handle is left out of that technique, and the rest of the model is not.

    left_out(model, "qat")   # ["rnn (Bidirectional)"]
"""

from __future__ import annotations

from typing import Any

import tf_keras

from pipeline.compress.tfmot.callbacks import is_kernel
from pipeline.compress.tfmot.fake_quant_layers import able

PRUNABLE = frozenset(
    "Conv1D Conv2D Conv2DTranspose Conv3D Conv3DTranspose Dense Embedding GRU LSTM "
    "MultiHeadAttention SimpleRNN".split()
)
QUANTIZABLE = frozenset(
    "Activation ActivityRegularization Add AveragePooling1D AveragePooling2D "
    "Concatenate Conv2D Conv2DTranspose Cropping1D Cropping2D Cropping3D Dense "
    "DepthwiseConv2D Dropout Flatten GlobalAveragePooling1D GlobalAveragePooling2D "
    "GlobalAveragePooling3D GlobalMaxPooling1D GlobalMaxPooling2D GlobalMaxPooling3D "
    "LeakyReLU MaxPooling2D Permute ReLU Reshape Softmax SpatialDropout1D "
    "SpatialDropout2D SpatialDropout3D UpSampling2D ZeroPadding1D ZeroPadding2D".split()
)
# tfmot quantizes these functions inside a layer, and one more as a layer.
ACTIVATIONS = frozenset("gelu linear relu sigmoid silu softmax swish tanh".split())
ACTIVATION_LAYERS = ACTIVATIONS | {"relu6"}
# A batch normalization is folded into one of these, or not handled at all.
FOLDS_NORMALIZATION = frozenset("Conv2D Conv2DTranspose Dense DepthwiseConv2D".split())
NO_ZEROS_KEPT = frozenset({"Conv2DTranspose"})
# Neither has anything to quantize at inference.
NOTHING_TO_DO = frozenset(
    "AlphaDropout GaussianDropout GaussianNoise InputLayer Masking".split()
)


def prunable(layer: tf_keras.layers.Layer) -> bool:
    """Whether tfmot makes zeros in a weight of this layer."""
    return type(layer).__name__ in PRUNABLE


def paired_in_rows(layer: tf_keras.layers.Layer) -> bool:
    """Whether tfmot makes two zeros in each four weights of this layer."""
    return type(layer).__name__ in ("Conv2D", "Dense")


def quantizable(layer: tf_keras.layers.Layer, keep_zeros: bool = False) -> bool:
    """Whether tfmot trains this layer, at its place in the graph, for int8.

    Args:
        layer: a layer of a functional model whose layers are in no other model.
        keep_zeros: ask for the sparsity-preserving scheme of `pqat`.
    """
    kind = type(layer).__name__
    if kind == "BatchNormalization":
        return _folds(layer, keep_zeros)
    if kind not in QUANTIZABLE or keep_zeros and kind in NO_ZEROS_KEPT:
        return False
    allowed = ACTIVATION_LAYERS if kind == "Activation" else ACTIVATIONS
    return _activation(layer) in allowed


def left_out(
    model: tf_keras.Model, technique: str, kernels: str = "inner"
) -> list[str]:
    """Names and classes of the layers that `technique` cannot handle.

    Args:
        model: a fresh functional model, as the bridge makes it.
        technique: one of the recipe grammar.
        kernels: which of them `quantize_weights` takes.
    """
    twinned = able(model, kernels) if technique in ("binary", "quantize_weights") else []
    missed = {
        "prune_channels": lambda layer: False,  # told by slim, which runs before the bridge
        "cluster": lambda layer: _has_kernel(layer) and not _has_many(layer),
        "quantize_weights": lambda layer: _has_kernel(layer) and layer.name not in twinned,
        "binary": lambda layer: _has_kernel(layer) and layer.name not in twinned,
        "cqat": lambda layer: not quantizable(layer),
        "pcqat": lambda layer: not quantizable(layer),
        "prune": lambda layer: _has_kernel(layer) and not prunable(layer),
        "qat": lambda layer: not quantizable(layer),
        "pqat": lambda layer: not quantizable(layer, keep_zeros=True),
    }[technique]
    return [
        f"{layer.name} ({type(layer).__name__})"
        for layer in model.layers
        if type(layer).__name__ not in NOTHING_TO_DO and missed(layer)
    ]


def _folds(layer: tf_keras.layers.Layer, keep_zeros: bool) -> bool:
    """Whether a batch normalization directly follows what it can be folded into."""
    producers = _neighbours(layer, "inbound")
    if len(producers) != 1 or type(producers[0]).__name__ not in FOLDS_NORMALIZATION:
        return False
    alone = len(_neighbours(producers[0], "outbound")) == 1
    linear = _activation(producers[0]) == "linear"
    return alone and linear and quantizable(producers[0], keep_zeros)


def _neighbours(layer: tf_keras.layers.Layer, side: str) -> list[Any]:
    if side == "outbound":
        return [node.outbound_layer for node in layer._outbound_nodes]
    nodes = [node.inbound_layers for node in layer._inbound_nodes]
    return [each for one in nodes for each in (one if isinstance(one, list) else [one])]


def _activation(layer: tf_keras.layers.Layer) -> str:
    function = getattr(layer, "activation", None)
    return getattr(function, "__name__", "linear") if function else "linear"


def _has_kernel(layer: tf_keras.layers.Layer) -> bool:
    return any(len(weight.shape) > 1 for weight in layer.weights)


def _has_many(layer: tf_keras.layers.Layer) -> bool:
    """Whether a kernel has more than one weight a channel."""
    return any(is_kernel(weight) for weight in layer.weights)
