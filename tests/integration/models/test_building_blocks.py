"""Shared hyperparameters have their effects, and convert to tf_keras."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from pipeline.compress.tfmot.bridge import to_tf_keras
from pipeline.models import registry
from pipeline.models.building_blocks import ACTIVATIONS, INITIALIZERS, NORMALIZATIONS
from pipeline.models.char_lm import generate
from tests.helpers.models_cases import spec

IMAGE = spec((8, 8, 1))
X = np.random.default_rng(1).normal(size=(4, 8, 8, 1)).astype(np.float32)


def cnn(**values):
    return registry.build("cnn", {"width": 0.25, "dropout": 0.0, **values}, IMAGE, 1)


VALUES = [
    *[{"activation": name} for name in ACTIVATIONS],
    *[{"normalization": name} for name in NORMALIZATIONS],
    {"l2": 0.01},
    {"normalization": "batch", "bias": True},
]


@pytest.mark.parametrize("values", VALUES, ids=str)
def test_every_choice_crosses_the_bridge(values):
    model = cnn(**values)
    copy = to_tf_keras(model)  # checks that it is equal
    assert np.allclose(model(X), copy(X), atol=1e-5)


FUNCTIONS = {
    "relu": lambda x: np.maximum(x, 0),
    "relu6": lambda x: np.clip(x, 0, 6),
    "leaky_relu": lambda x: np.where(x > 0, x, 0.1 * x),
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "tanh": np.tanh,
    "swish": lambda x: x / (1 + np.exp(-x)),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_an_activation_computes_its_function(name):
    layer = cnn(activation=name).get_layer("conv1_act")
    x = np.linspace(-9, 9, 50).astype(np.float32)
    assert np.allclose(layer(x), FUNCTIONS[name](x), atol=1e-6)


@pytest.mark.parametrize("name", INITIALIZERS)
def test_an_initializer_sets_the_spread_of_the_kernels(name):
    values = {"units": 128, "initializer": name}
    model = registry.build("mlp", values, spec((400,), "table"), 1)
    kernel = model.get_layer("dense1").get_weights()[0]
    spread = {
        "he_normal": np.sqrt(2 / 400),
        "he_uniform": np.sqrt(2 / 400),
        "glorot_uniform": np.sqrt(2 / 528),
        "glorot_normal": np.sqrt(2 / 528),
        "truncated_normal": 0.044,  # 0.05 before values beyond two of them are redrawn
        "random_normal": 0.05,
        "zeros": 0.0,
    }[name]
    assert kernel.std() == pytest.approx(spread, rel=0.03)


def test_l2_adds_the_squared_kernels():
    model = cnn(l2=0.01)
    kernels = [w.numpy() for w in model.trainable_weights if len(w.shape) > 1]
    expected = 0.01 * sum(float((kernel**2).sum()) for kernel in kernels)
    assert float(sum(model.losses)) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("family", ["cnn", "resnet", "mobilenet_v2", "unet"])
def test_depth_multiplies_the_layers_of_a_stage(family):
    task = "segmentation" if family == "unet" else "classification"
    data = spec((8, 8, 1), task=task)
    plain, deep = (registry.build(family, {"depth": d}, data, 1) for d in (1.0, 2.0))
    assert len(deep.layers) > 1.3 * len(plain.layers)


def test_a_bag_of_words_has_no_order_and_may_be_empty():
    data = spec((6,), "text", vocabulary=20)
    model = registry.build("bag_of_embeddings", {"dropout": 0.0}, data, 1)
    texts = np.array([[3, 5, 0, 0, 0, 0], [0, 0, 5, 3, 0, 0], [0] * 6], np.int32)
    first, second, empty = np.asarray(model(texts))
    assert np.allclose(first, second, atol=1e-6)
    assert np.isfinite(empty).all() and not np.allclose(first, empty)


LETTERS = spec((8,), "text", "next_token", 6)


def test_the_language_model_sees_no_letter_before_its_turn():
    model = registry.build("char_lm", {"dropout": 0.0}, LETTERS, 1)
    one = np.array([[1, 2, 3, 4, 5, 1, 2, 3]])
    other = one.copy()
    other[0, 5:] = [4, 4, 4]
    first, second = np.asarray(model(one)), np.asarray(model(other))
    assert np.allclose(first[0, :5], second[0, :5], atol=1e-6)
    assert not np.allclose(first[0, 5:], second[0, 5:], atol=1e-3)


@pytest.mark.slow
def test_it_writes_what_it_has_learned():
    model = registry.build("char_lm", {"dropout": 0.0, "units": 32}, LETTERS, 1)
    text = np.tile([1, 2, 3, 4], 40)
    x = np.stack([text[at : at + 8] for at in range(64)])
    y = np.stack([text[at + 1 : at + 9] for at in range(64)])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(1e-2), loss, jit_compile=False)
    model.fit(x, y, epochs=12, verbose=0)
    assert generate(model, [1, 2], 12, seed=1, temperature=0) == [1, 2, 3, 4] * 3 + [
        1,
        2,
    ]
    drawn = [generate(model, [1], 20, seed, temperature=5.0) for seed in (1, 1, 2)]
    assert drawn[0] == drawn[1] != drawn[2]
