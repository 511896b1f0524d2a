"""The classes of Keras that an imported model can be made of.

An allow-list. Every other class is refused: layers that run a module of another library
(TorchModuleWrapper, TFSMLayer, JaxLayer, FlaxLayer), layers that look words up in a
table (StringLookup, TextVectorization), and classes of a later version of Keras.
"""

from __future__ import annotations

CONVOLUTION = {
    f"{kind}{dimensions}D{transposed}"
    for kind, highest in (("Conv", 3), ("DepthwiseConv", 2), ("SeparableConv", 2))
    for dimensions in range(1, highest + 1)
    for transposed in (("", "Transpose") if kind == "Conv" else ("",))
}
POOLING = {
    f"{scope}{kind}Pooling{dimensions}D"
    for scope in ("", "Global", "Adaptive")
    for kind in ("Average", "Max")
    for dimensions in (1, 2, 3)
}
SHAPE = {
    f"{kind}{dimensions}D"
    for kind in ("Cropping", "UpSampling", "ZeroPadding", "SpatialDropout")
    for dimensions in (1, 2, 3)
} | {"Flatten", "Identity", "Permute", "RepeatVector", "Reshape", "Masking"}
CORE = {
    *("InputLayer", "Activation", "Dense", "EinsumDense", "Embedding"),
    *("ReversibleEmbedding", "ELU", "LeakyReLU", "PReLU", "ReLU", "Softmax"),
    *("Add", "Average", "Concatenate", "Dot", "Maximum", "Minimum", "Multiply"),
    *("Subtract", "Attention", "AdditiveAttention", "GroupQueryAttention"),
    *("MultiHeadAttention", "TimeDistributed", "SpectralNormalization"),
}
NORMALIZATION = {
    *("BatchNormalization", "GroupNormalization", "LayerNormalization"),
    *("Normalization", "RMSNormalization", "UnitNormalization"),
}
RECURRENT = {
    *("GRU", "GRUCell", "LSTM", "LSTMCell", "RNN", "SimpleRNN", "SimpleRNNCell"),
    *("StackedRNNCells", "Bidirectional", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D"),
}
# In training only, or arithmetic on the input.
PREPROCESSING = {
    *("ActivityRegularization", "AlphaDropout", "Dropout", "GaussianDropout"),
    *("GaussianNoise", "CenterCrop", "Discretization", "CategoryEncoding", "Rescaling"),
    *("Resizing", "MelSpectrogram", "STFTSpectrogram"),
    *(
        f"Random{name}"
        for name in (
            *("Brightness", "ColorDegeneration", "ColorJitter", "Contrast", "Crop"),
            *("ElasticTransform", "Erasing", "Flip", "GaussianBlur", "Grayscale"),
            *("Hue", "Invert", "Perspective", "Posterization", "Rotation"),
            *("Saturation", "Sharpness", "Shear", "Translation", "Zoom"),
        )
    ),
}
# Layers of which the converter writes no file, or that tf_keras does not have.
NOT_EXPORTED = {
    *(f"Adaptive{kind}Pooling{n}D" for kind in ("Average", "Max") for n in (1, 2, 3)),
    *("GroupQueryAttention", "GroupedQueryAttention", "MelSpectrogram"),
    *("ReversibleEmbedding", "RMSNormalization", "STFTSpectrogram"),
}
LAYERS = frozenset(
    (CONVOLUTION | POOLING | SHAPE | CORE | NORMALIZATION | RECURRENT | PREPROCESSING)
    - NOT_EXPORTED
)
# Modules whose classes hold numbers and names only: settings of layers, operations.
MODULES = (
    *("keras.initializers", "keras.regularizers", "keras.constraints"),
    *("keras.activations", "keras.dtype_policies", "keras.random"),
    *("keras.src.ops", "keras.src.initializers", "keras.src.regularizers"),
    *("keras.src.constraints", "keras.src.activations", "keras.src.dtype_policies"),
    *("keras.src.random", "keras.src.backend.common.keras_tensor", "builtins"),
)
MODELS = ("Functional", "Sequential")
IN_MODELS = (
    *("keras", "keras.models", "keras.src.models.functional"),
    "keras.src.models.sequential",
)
POLICIES = ("DTypePolicy", "FloatDTypePolicy", "DTypePolicyMap", "QuantizedDTypePolicy")


def is_allowed(module: str, name: str) -> bool:
    """Return whether a model may hold an object of a class.

    Args:
        module: of the class, such as `keras.layers`.
        name: of the class.
    """
    if module.startswith(("keras.layers", "keras.src.layers")):
        return name in LAYERS
    if module in IN_MODELS:
        return name in (*MODELS, *POLICIES)
    return any(module == known or module.startswith(f"{known}.") for known in MODULES)
