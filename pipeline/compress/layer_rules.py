"""Classes of layers and the techniques that support them, by their names.

Imports no library, so that `inspect` can use them; `pipeline.compress.tfmot` applies
them to layers, and its tests compare every line with tfmot itself.
"""

from __future__ import annotations

PRUNABLE = frozenset(
    [
        "Conv1D",
        "Conv2D",
        "Conv2DTranspose",
        "Conv3D",
        "Conv3DTranspose",
        "Dense",
        "Embedding",
        "GRU",
        "LSTM",
        "MultiHeadAttention",
        "SimpleRNN",
    ]
)
QUANTIZABLE = frozenset(
    [
        "Activation",
        "ActivityRegularization",
        "Add",
        "AveragePooling1D",
        "AveragePooling2D",
        "Concatenate",
        "Conv2D",
        "Conv2DTranspose",
        "Cropping1D",
        "Cropping2D",
        "Cropping3D",
        "Dense",
        "DepthwiseConv2D",
        "Dropout",
        "Flatten",
        "GlobalAveragePooling1D",
        "GlobalAveragePooling2D",
        "GlobalAveragePooling3D",
        "GlobalMaxPooling1D",
        "GlobalMaxPooling2D",
        "GlobalMaxPooling3D",
        "LeakyReLU",
        "MaxPooling2D",
        "Permute",
        "ReLU",
        "Reshape",
        "Softmax",
        "SpatialDropout1D",
        "SpatialDropout2D",
        "SpatialDropout3D",
        "UpSampling2D",
        "ZeroPadding1D",
        "ZeroPadding2D",
    ]
)
# Functions that tfmot quantizes as a layer's activation; as a layer, relu6 as well.
ACTIVATIONS = frozenset(
    ["gelu", "linear", "relu", "sigmoid", "silu", "softmax", "swish", "tanh"]
)
ACTIVATION_LAYERS = ACTIVATIONS | {"relu6"}
# tfmot quantizes a batch normalization only by folding it into one of these.
FOLDS_NORMALIZATION = frozenset(
    ["Conv2D", "Conv2DTranspose", "Dense", "DepthwiseConv2D"]
)
NOT_SPARSITY_PRESERVING = frozenset({"Conv2DTranspose"})
# Layers without anything to quantize at inference.
NOTHING_TO_QUANTIZE = frozenset(
    ["AlphaDropout", "GaussianDropout", "GaussianNoise", "InputLayer", "Masking"]
)
# Classes whose kernels `quantize_weights` and `binary` handle.
LOW_BIT = frozenset(["Conv1D", "Conv2D", "Dense", "DepthwiseConv2D"])


def is_quantizable(kind: str, activation: str) -> bool:
    """Return whether tfmot trains a layer for int8, batch normalizations apart.

    Args:
        kind: class of the layer.
        activation: name of its activation; `linear` where it has none.
    """
    allowed = ACTIVATION_LAYERS if kind == "Activation" else ACTIVATIONS
    return kind in QUANTIZABLE and activation in allowed
