"""The oracle of operators and layers, against the converter and the runtime."""

from __future__ import annotations

import subprocess
import sys

import keras
import numpy as np
import pytest
import tf_keras
from keras import layers

from pipeline.compress.grammar import parse_recipe
from pipeline.compress.import_model.keras_classes import LAYERS, NOT_EXPORTED
from pipeline.compress.tflite.inspect import read_facts
from pipeline.compress.tflite.oracle import FLOAT_OPERATORS, fallback_text, fallbacks
from pipeline.compress.tflite.verify import violations
from pipeline.compress.tfmot.bridge import to_tf_keras
from pipeline.compress.tfmot.build import build
from pipeline.compress.tfmot.crashes import crashing_layers
from pipeline.compress.tfmot.export import export
from pipeline.compress.tfmot.random_input import random_batch
from tests.helpers.cases import chosen
from tests.helpers.project import ROOT

VOLUME = (4, 4, 4, 2)
# Operator -> the shape of a model's input, and the layers that need it.
MASKED = ((6, 4), [layers.Masking, lambda: layers.GRU(5)])
FLOAT_LAYERS = {
    "CAST": MASKED,
    "NOT_EQUAL": MASKED,
    "CONV_3D": (VOLUME, [lambda: layers.Conv3D(3, 2)]),
    "CONV_3D_TRANSPOSE": (VOLUME, [lambda: layers.Conv3DTranspose(3, 2)]),
    "ELU": ((6,), [lambda: layers.Dense(4), layers.ELU]),
    "SQUARE": ((8, 8, 4), [lambda: layers.GroupNormalization(groups=2)]),
}


def int8(shape: tuple[int, ...], made: list) -> bytes:
    first = keras.Input(shape, name="input")
    x = first
    for make in made:
        x = make()(x)
    model = keras.Model(first, x)
    return export(to_tf_keras(model), "int8", np.asarray(random_batch(model, 1)))


def test_every_float_operator_has_a_layer_here():
    assert set(FLOAT_LAYERS) == FLOAT_OPERATORS


@pytest.mark.parametrize("operator", FLOAT_LAYERS)
def test_the_converter_leaves_the_operator_in_float_and_the_file_is_not_broken(
    operator,
):
    facts = read_facts(int8(*FLOAT_LAYERS[operator]))
    assert operator in facts.float_operators
    assert facts.io_dtypes == ("int8", "int8")
    assert not violations(facts, "int8")


@pytest.mark.parametrize("kind", ["AveragePooling3D", "MaxPooling3D"])
@pytest.mark.parametrize("padding", ["same", "valid"])
def test_pooling_of_volumes_is_two_poolings_of_images(kind, padding):
    first = keras.Input((5, 6, 7, 2), name="input")
    pool = getattr(layers, kind)((2, 3, 2), strides=(2, 1, 2), padding=padding)
    model = keras.Model(first, pool(first))
    copy = to_tf_keras(model)  # checks that outputs are equal
    facts = read_facts(export(copy, "int8", np.asarray(random_batch(model, 1))))
    assert not facts.float_operators


def test_layers_that_tf_keras_lacks_are_refused_when_the_file_is_read():
    here = {name for name in LAYERS if not name.startswith("Random")}
    assert not [name for name in here if not hasattr(tf_keras.layers, name)]
    assert not NOT_EXPORTED & LAYERS


def masked(recurrent: str) -> keras.Model:
    first = keras.Input((6, 4), name="input")
    x = layers.Masking()(first)
    x = layers.Bidirectional(getattr(layers, recurrent)(3), name="recurrent")(x)
    return keras.Model(first, layers.Dense(2, name="logits")(x))


def test_a_masked_lstm_is_known_to_crash_the_converter():
    copy = to_tf_keras(masked("LSTM"))
    assert crashing_layers(copy, "int8") == ["recurrent (Bidirectional)"]
    assert not crashing_layers(copy, "dynamic")
    assert not crashing_layers(to_tf_keras(masked("GRU")), "int8")


def test_a_convolutional_lstm_is_known_to_crash_the_converter():
    x = keras.Input((3, 8, 2), name="input")
    inside = layers.Bidirectional(layers.ConvLSTM1D(2, 3))
    for layer in (layers.ConvLSTM1D(2, 3, name="bidirectional"), inside):
        copy = to_tf_keras(keras.Model(x, layer(x)))
        (line,) = crashing_layers(copy, "int8")
        assert line.startswith("bidirectional")
        assert not crashing_layers(copy, "dynamic")


def stacked_cells() -> list:
    """Two cells in one layer, whose loop is unrolled for int8."""
    return [lambda: layers.RNN([layers.SimpleRNNCell(3), layers.SimpleRNNCell(2)])]


INTEGER_LAYERS = {
    "SimpleRNN": ((6, 4), [lambda: layers.SimpleRNN(5)]),
    "stacked cells": ((3, 2), stacked_cells()),
    "TimeDistributed": (
        (3, 8, 8, 2),
        [lambda: layers.TimeDistributed(layers.Conv2D(3, 3))],
    ),
    "GlobalMaxPooling3D": (VOLUME, [layers.GlobalMaxPooling3D]),
    "UpSampling3D": (VOLUME, [lambda: layers.UpSampling3D(2)]),
    "Conv1DTranspose": ((6, 4), [lambda: layers.Conv1DTranspose(3, 3)]),
    "UnitNormalization": ((6, 4), [layers.UnitNormalization]),
}


@pytest.mark.parametrize("kind", chosen(INTEGER_LAYERS, ["stacked cells"]))
def test_these_layers_are_integer_throughout(kind):
    facts = read_facts(int8(*INTEGER_LAYERS[kind]))
    assert not facts.float_operators
    assert not violations(facts, "int8")


@pytest.mark.slow
def test_what_crashes_in_int8_is_the_next_best_file(tuning):
    recipe, x = parse_recipe("int8"), np.random.default_rng(1).normal(size=(20, 6, 4))
    built = build(masked("LSTM"), recipe, tuning, x.astype(np.float32))
    assert built.export == "float16"  # its kernels are too small for int8 weights
    assert built.left_out == [fallback_text("int8", built.export)]
    assert not violations(read_facts(built.content), built.export)


@pytest.mark.slow
def test_the_converter_still_crashes_with_a_masked_lstm():
    """If not, the table can lose the line."""
    code = (
        "import numpy as np\n"
        "from tests.integration.compress.tfmot.test_oracle import masked\n"
        "from pipeline.compress.tfmot.bridge import to_tf_keras\n"
        "from pipeline.compress.tfmot.export import export\n"
        "export(to_tf_keras(masked('LSTM')), 'int8', np.ones((8, 6, 4), 'f4') * "
        "np.arange(4, dtype='f4'))\n"
    )
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True)
    assert ended.returncode < 0


def test_fallbacks_end_with_the_model_unchanged():
    assert fallbacks("int8") == ("dynamic", "float16", "float")
    assert "int8 weights and float activations" in fallback_text("int8", "dynamic")
