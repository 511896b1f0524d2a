"""Graph operations and activations of foreign models become layers of tf_keras."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers, ops

from pipeline.compress.tfmot.bridge import to_tf_keras
from pipeline.compress.tfmot.export import export
from pipeline.compress.tfmot.supported_layers import unsupported_layers
from pipeline.core.errors import UserError

MEAN = np.float32([0.4, 0.5, 0.6])
FUNCTIONS = {
    "1 - x": lambda x: 1.0 - x,
    "x / 127.5 - 1": lambda x: x / 127.5 - 1,
    "2 + 3 * x": lambda x: 2 + 3 * x,
    "x - mean": lambda x: (x - MEAN) / MEAN,
    "mean - x": lambda x: ops.subtract(MEAN, x),
    "-x": lambda x: -x,
    "x squared": lambda x: x**2 + ops.square(x),
    "maximum": lambda x: ops.maximum(x, 0.1) + ops.minimum(0.3, x),
    "relu": lambda x: ops.relu(x) + ops.tanh(x) * ops.sigmoid(x),
    "concatenate": lambda x: ops.concatenate([x, 1 - x], axis=-1),
    "reversed": lambda x: x[..., ::-1] * MEAN,
    "hard": lambda x: ops.hard_sigmoid(4 * x) + ops.hard_silu(x),
    "caffe": lambda x: keras.applications.resnet.preprocess_input(255 * x),
    "tf": lambda x: keras.applications.mobilenet_v2.preprocess_input(255 * x),
    "torch": lambda x: keras.applications.densenet.preprocess_input(255 * x),
}
ACTIVATIONS = {
    "layer": layers.LeakyReLU(0.1),
    "softmax layer": layers.Softmax(),
    "hard_sigmoid": "hard_sigmoid",
    "hard_silu": "hard_silu",
    "leaky_relu": "leaky_relu",
    "relu6": "relu6",
}


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)
def test_arithmetic_before_a_layer_is_converted(function):
    keras.utils.set_random_seed(1)
    image = keras.Input((4, 4, 3))
    x = layers.Flatten()(function(image))
    model = keras.Model(image, layers.Dense(2)(x), name="net")
    to_tf_keras(model)  # checks that both compute the same


@pytest.mark.parametrize("activation", ACTIVATIONS.values(), ids=ACTIVATIONS)
@pytest.mark.parametrize("kind", ["dense", "conv", "alone"])
def test_an_activation_is_converted(activation, kind):
    keras.utils.set_random_seed(1)
    image = keras.Input((4, 4, 3))
    x = image
    if kind == "conv":
        x = layers.Conv2D(4, 3, activation=activation, name="first")(x)
    x = layers.Flatten()(x)
    if kind == "dense":
        x = layers.Dense(5, activation=activation, name="first")(x)
    if kind == "alone":
        x = layers.Activation(activation, name="first")(x)
    model = keras.Model(image, layers.Dense(2)(x), name="net")
    copy = to_tf_keras(model)
    assert all(layer.name for layer in copy.layers)


def test_a_layer_as_activation_is_known_to_quantization():
    keras.utils.set_random_seed(1)
    row = keras.Input((6,))
    x = layers.Dense(5, activation=layers.LeakyReLU(0.1), name="first")(row)
    model = keras.Model(row, layers.Dense(2, name="end")(x), name="net")
    copy = to_tf_keras(model)
    assert type(copy.get_layer("first_activation")).__name__ == "LeakyReLU"
    assert unsupported_layers(copy, "qat") == []


def test_arithmetic_is_exported_as_int8():
    keras.utils.set_random_seed(1)
    image = keras.Input((4, 4, 3))
    x = keras.applications.resnet.preprocess_input(255 * (1.0 - image))
    x = layers.Conv2D(4, 3, activation=layers.LeakyReLU(0.1))(x)
    model = keras.Model(image, layers.Dense(2)(layers.Flatten()(x)), name="net")
    examples = np.random.default_rng(1).uniform(size=(8, 4, 4, 3)).astype("float32")
    assert export(to_tf_keras(model), "int8", examples)[4:8] == b"TFL3"


@pytest.mark.parametrize(
    "function", [lambda x: 1 / (x + 2), lambda x: ops.cos(x), lambda x: x[:, :2]]
)
def test_another_operation_is_named(function):
    image = keras.Input((4, 4, 3))
    x = layers.Flatten()(function(image))
    model = keras.Model(image, layers.Dense(2)(x), name="net")
    with pytest.raises(UserError, match="operation .* of the graph is not a layer"):
        to_tf_keras(model)
