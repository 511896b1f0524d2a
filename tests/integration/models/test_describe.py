"""The cost of a model, compared with hand counts and exported files."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers

from pipeline.compress.tflite.inspect import read_facts
from pipeline.compress.tfmot.bridge import to_tf_keras
from pipeline.compress.tfmot.export import export
from pipeline.compress.tfmot.random_input import random_batch
from pipeline.models import registry
from pipeline.models.describe import describe, folded
from pipeline.models.graph import calls
from tests.helpers import models_cases as cases
from tests.helpers.models_cases import spec

ACTIVATIONS = ("Activation", "LeakyReLU", "ReLU")
ACTIVATIONS_IN_FILES = {"LEAKY_RELU", "LOGISTIC", "RELU", "RELU6"}
X = (10, 8, 3)
MACS = [
    (layers.Conv2D(4, 3, padding="same"), X, 10 * 8 * 4 * 27),
    (layers.Conv2D(4, (5, 1), strides=2), X, 3 * 4 * 4 * 15),
    (layers.Conv2D(6, 1, groups=3), X, 10 * 8 * 6 * 1),
    (layers.DepthwiseConv2D(3, padding="same"), X, 10 * 8 * 3 * 9),
    (layers.SeparableConv2D(5, 3, padding="same"), X, 10 * 8 * (3 * 9 + 3 * 5)),
    (layers.Conv2DTranspose(4, 2, strides=2), X, 10 * 8 * 3 * 4 * 4),
    (layers.Conv1D(4, 3, padding="same"), (7, 5), 7 * 4 * 15),
    (layers.Dense(4), (7, 5), 7 * 5 * 4),
    (layers.LSTM(4), (7, 5), 7 * 4 * (5 * 4 + 4 * 4)),
    (layers.Bidirectional(layers.GRU(4)), (7, 5), 2 * 7 * 3 * (5 * 4 + 4 * 4)),
    (layers.MaxPooling2D(), X, 0),
]


@pytest.mark.parametrize(("layer", "shape", "macs"), MACS)
def test_macs_of_a_layer(layer, shape, macs):
    inputs = keras.Input(shape)
    cost = describe(keras.Model(inputs, layer(inputs)))
    assert cost.macs == cost.rows[-1].macs == macs


def test_macs_of_attention():
    inputs = keras.Input((7, 8))
    outputs = layers.MultiHeadAttention(2, 4)(inputs, inputs)
    projections = 4 * 7 * 8 * 8
    assert describe(keras.Model(inputs, outputs)).macs == projections + 2 * 7 * 7 * 8


def test_macs_of_attention_to_another_sequence():
    inputs, others = keras.Input((7, 8)), keras.Input((5, 8))
    outputs = layers.MultiHeadAttention(2, 4)(inputs, others)
    projections = 2 * 7 * 8 * 8 + 2 * 5 * 8 * 8
    model = keras.Model([inputs, others], outputs)
    assert describe(model).macs == projections + 2 * 7 * 5 * 8


def test_the_peak_counts_what_is_alive_at_once():
    """While the addition runs, the first convolution, its branch and the sum live."""
    image = keras.Input((4, 4, 1))
    x = layers.Conv2D(8, 1)(image)  # 128 numbers
    y = layers.ReLU()(layers.Conv2D(8, 1)(x))  # folded
    sum_ = layers.Add()([x, y])
    assert describe(keras.Model(image, sum_)).peak == 4 * 3 * 128
    assert describe(keras.Model(image, y)).peak == 4 * 2 * 128


@pytest.mark.parametrize(
    ("activation", "free"),
    [("relu", True), ("relu6", True), ("leaky_relu", False), ("sigmoid", False)],
)
def test_what_is_free_has_no_operator_in_the_file(activation, free):
    values = {"activation": activation, "dropout": 0.0}
    model = registry.build("cnn", values, spec((16, 16, 1)), 1)
    steps = calls(model)
    told = {
        gone for step, gone in zip(steps, folded(steps)) if step.kind in ACTIVATIONS
    }
    assert told == {free}
    operators = read_facts(export(to_tf_keras(model), "float")).operators
    assert bool(ACTIVATIONS_IN_FILES & set(operators)) is not free


def test_nothing_is_folded_into_a_pooling():
    image = keras.Input((4, 4, 2))
    x = layers.ReLU()(layers.BatchNormalization()(layers.MaxPooling2D()(image)))
    steps = calls(keras.Model(image, x))
    told = dict(zip([step.kind for step in steps], folded(steps)))
    assert not told["BatchNormalization"] and not told["ReLU"]


FIELDS = [
    ([("conv", 3, 1), ("conv", 3, 1)], (5, 5)),
    ([("conv", 3, 2), ("conv", 3, 1)], (7, 7)),
    ([("conv", 3, 1), ("pool", 2, 2), ("conv", 3, 1)], (8, 8)),
]


@pytest.mark.parametrize(("plan", "field"), FIELDS)
def test_the_receptive_field(plan, field):
    """As computed, and as measured: only those inputs change the middle output."""
    x = image = keras.Input((21, 21, 1))
    for kind, size, strides in plan:
        ones = {"kernel_initializer": "ones", "use_bias": False}
        conv = kind == "conv"
        made = layers.Conv2D(1, size, strides, **ones) if conv else None
        x = (made or layers.AveragePooling2D(size, strides))(x)
    model = keras.Model(image, x)
    assert describe(model).receptive == field
    middle = x.shape[1] // 2
    moved = 0
    base = np.asarray(model(np.zeros((1, 21, 21, 1))))
    for row in range(21):
        one = np.zeros((1, 21, 21, 1), np.float32)
        one[0, row] = 1
        moved += (np.asarray(model(one)) != base)[0, middle, middle, 0]
    assert moved == field[0]


def test_a_nested_model_is_counted_as_if_it_were_flat():
    image = keras.Input((8, 8, 3))
    inner_image = keras.Input((8, 8, 3))
    middle = layers.Conv2D(4, 3, name="conv")(inner_image)
    inner = keras.Model(inner_image, middle, name="inner")
    nested = keras.Model(image, layers.Conv2D(2, 3, name="last")(inner(image)))
    flat = keras.Model(image, layers.Conv2D(2, 3)(layers.Conv2D(4, 3)(image)))
    one, other = describe(nested), describe(flat)
    assert (one.macs, one.peak, one.receptive) == (other.macs, other.peak, (5, 5))
    assert "inner/conv" in [row.name for row in one.rows]


@pytest.mark.parametrize("family", ["resnet", "mlp", "ds_cnn", "attention"])
def test_sizes_are_near_those_of_the_files(family):
    data = spec((16, 16, 1), "audio")
    model = registry.build(family, {}, data, 1)
    cost, batch = describe(model), random_batch(model, 1)
    for kind, guess in (("float", cost.float_size), ("int8", cost.int8_size)):
        size = len(export(to_tf_keras(model), kind, batch))
        assert guess == pytest.approx(size, rel=0.25), (kind, guess, size)


def test_tokens_can_be_exported_as_int8():
    data = spec((6,), "text", vocabulary=20)
    model = cases.build("text_cnn", data)
    assert export(to_tf_keras(model), "int8", random_batch(model, 1))
