"""The tables of supported layers, compared with tfmot itself."""

from __future__ import annotations

import pytest
import tensorflow_model_optimization as tfmot
import tf_keras
from tensorflow_model_optimization.python.core.quantization.keras.default_8bit import (
    default_8bit_quantize_registry as quantize_registry,
)
from tensorflow_model_optimization.python.core.sparsity.keras import prune_registry
from tf_keras import layers

from pipeline.compress import layer_rules
from pipeline.compress.tfmot import supported_layers
from pipeline.compress.tfmot.techniques import KeepZerosScheme

IMAGE, SEQUENCE = (8, 8, 4), (8, 4)

# Required constructor arguments.
CONVOLUTION = {"filters": 2, "kernel_size": 2}
ARGUMENTS = {
    "Activation": {"activation": "relu"},
    "AlphaDropout": {"rate": 0.1},
    "Conv1D": CONVOLUTION,
    "Conv1DTranspose": CONVOLUTION,
    "Conv2D": CONVOLUTION,
    "Conv2DTranspose": CONVOLUTION,
    "Conv3D": CONVOLUTION,
    "Conv3DTranspose": CONVOLUTION,
    "Dense": {"units": 2},
    "DepthwiseConv1D": {"kernel_size": 2},
    "DepthwiseConv2D": {"kernel_size": 2},
    "Dot": {"axes": 1},
    "Dropout": {"rate": 0.1},
    "Embedding": {"input_dim": 4, "output_dim": 2},
    "GRU": {"units": 2},
    "GaussianNoise": {"stddev": 0.1},
    "LSTM": {"units": 2},
    "MultiHeadAttention": {"num_heads": 1, "key_dim": 2},
    "Permute": {"dims": (1,)},
    "RepeatVector": {"n": 2},
    "Rescaling": {"scale": 2.0},
    "Reshape": {"target_shape": (1,)},
    "SimpleRNN": {"units": 2},
    "SpatialDropout1D": {"rate": 0.1},
    "SpatialDropout2D": {"rate": 0.1},
    "SpatialDropout3D": {"rate": 0.1},
}
OTHERS = [
    "Average",
    "AveragePooling3D",
    "ELU",
    "GroupNormalization",
    "LayerNormalization",
    "Masking",
    "MaxPooling1D",
    "MaxPooling3D",
    "Maximum",
    "Multiply",
    "PReLU",
    "Rescaling",
    "Subtract",
    "ThresholdedReLU",
    "UnitNormalization",
    "UpSampling1D",
    "ZeroPadding3D",
]
KINDS = sorted({*layer_rules.PRUNABLE, *layer_rules.QUANTIZABLE, *ARGUMENTS, *OTHERS})


@pytest.mark.parametrize("kind", KINDS)
def test_the_tables_agree_with_the_registries_of_tfmot(kind):
    layer = getattr(layers, kind)(**ARGUMENTS.get(kind, {}))
    registry = quantize_registry.Default8BitQuantizeRegistry()
    assert (kind in layer_rules.QUANTIZABLE) == registry.supports(layer)
    pruning = prune_registry.PruneRegistry
    if pruning._is_rnn_layer(layer):
        makes_zeros = pruning.supports(layer)
    else:
        makes_zeros = pruning.supports(layer) and bool(pruning._weight_names(layer))
    assert supported_layers.prunable(layer) == makes_zeros


def chain(*stack: layers.Layer, shape: tuple[int, ...] = IMAGE) -> tf_keras.Model:
    image = x = tf_keras.Input(shape)
    for layer in stack:
        x = layer(x)
    return tf_keras.Model(image, x)


def conv(**arguments) -> layers.Layer:
    return layers.Conv2D(2, 3, padding="same", **arguments)


def two_readers() -> tf_keras.Model:
    image = tf_keras.Input(IMAGE)
    x = conv()(image)
    return tf_keras.Model(image, layers.Add()([layers.BatchNormalization()(x), x]))


def normalization_read_twice() -> tf_keras.Model:
    image = tf_keras.Input(IMAGE)
    x = layers.BatchNormalization()(conv()(image))
    return tf_keras.Model(image, layers.Add()([layers.ReLU()(x), x]))


# A model, and whether tfmot supports all of it: for qat, and for pqat.
GRAPHS = {
    "conv relu": (lambda: chain(conv(activation="relu")), True, True),
    "conv elu": (lambda: chain(conv(activation="elu")), False, False),
    "conv relu6": (lambda: chain(conv(activation="relu6")), False, False),
    "dense swish": (lambda: chain(layers.Dense(2, "swish")), True, True),
    "dense hard sigmoid": (
        lambda: chain(layers.Dense(2, "hard_sigmoid")),
        False,
        False,
    ),
    "layer relu6": (lambda: chain(conv(), layers.Activation("relu6")), True, True),
    "layer elu": (lambda: chain(conv(), layers.Activation("elu")), False, False),
    "conv norm": (lambda: chain(conv(), layers.BatchNormalization()), True, True),
    "conv relu norm": (
        lambda: chain(conv(activation="relu"), layers.BatchNormalization()),
        False,
        False,
    ),
    "pool norm": (
        lambda: chain(layers.MaxPooling2D(), layers.BatchNormalization()),
        False,
        False,
    ),
    "norm norm": (
        lambda: chain(conv(), layers.BatchNormalization(), layers.BatchNormalization()),
        False,
        False,
    ),
    "dense norm": (
        lambda: chain(layers.Dense(2), layers.BatchNormalization(), layers.ReLU()),
        True,
        True,
    ),
    "conv read twice": (two_readers, False, False),
    "norm read twice": (normalization_read_twice, True, True),
    "transposed": (lambda: chain(layers.Conv2DTranspose(2, 3)), True, False),
    "transposed norm": (
        lambda: chain(layers.Conv2DTranspose(2, 3), layers.BatchNormalization()),
        True,
        False,
    ),
    "recurrent": (lambda: chain(layers.LSTM(2), shape=SEQUENCE), False, False),
    "one dimension": (lambda: chain(layers.Conv1D(2, 3), shape=SEQUENCE), False, False),
}


def tfmot_supports(model: tf_keras.Model, *scheme) -> bool:
    """Return whether tfmot quantizes the whole model."""
    annotated = tfmot.quantization.keras.quantize_annotate_model(model)
    try:
        tfmot.quantization.keras.quantize_apply(annotated, *scheme)
    except (ValueError, RuntimeError):
        return False
    return True


@pytest.mark.parametrize("name", GRAPHS)
def test_support_in_a_graph_agrees_with_tfmot(name):
    build, aware, sparse = GRAPHS[name]
    assert (
        (not supported_layers.unsupported_layers(build(), "qat"))
        == aware
        == tfmot_supports(build())
    )
    kept = not supported_layers.unsupported_layers(build(), "pqat")
    assert kept == sparse == tfmot_supports(build(), KeepZerosScheme())


def test_unsupported_layers_are_named_with_their_class():
    model = chain(
        layers.DepthwiseConv2D(3, name="depthwise"),
        layers.Rescaling(2.0, name="scale"),
        layers.GaussianNoise(0.1, name="noise"),
        layers.Dropout(0.1, name="dropout"),
        layers.Flatten(name="flatten"),
        layers.Dense(2, name="logits"),
    )
    assert supported_layers.unsupported_layers(model, "prune") == [
        "depthwise (DepthwiseConv2D)"
    ]
    assert supported_layers.unsupported_layers(model, "qat") == ["scale (Rescaling)"]
