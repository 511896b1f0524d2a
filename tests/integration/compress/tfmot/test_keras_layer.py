"""Layers of the user in tf_keras: equal copies, left out by techniques, exported."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
import tf_keras
from keras import layers

from pipeline.compress.grammar import parse_recipe
from pipeline.compress.rewrite.rebuild import rebuild_with_weights
from pipeline.compress.tflite.inspect import read_facts
from pipeline.compress.tfmot.bridge import TOLERANCE, max_difference, to_tf_keras
from pipeline.compress.tfmot.export import export
from pipeline.compress.tfmot.keras_layer import KerasLayer
from pipeline.compress.tfmot.random_input import random_batch
from pipeline.compress.tfmot.supported_layers import unsupported_layers
from pipeline.compress.tfmot.techniques import apply
from pipeline.core.errors import UserError
from tests.helpers.cases import chosen

SHAPE = (6, 4)


@keras.saving.register_keras_serializable("tests")
class Gate(layers.Layer):
    """Weights of its own, layers inside it, and another behavior in training."""

    def __init__(self, units: int, **options: Any):
        super().__init__(**options)
        self.units = units
        self.norm, self.dense = layers.BatchNormalization(), layers.Dense(units)
        self.drop = layers.Dropout(0.5)

    def build(self, shape: Any) -> None:
        self.norm.build(shape)
        self.dense.build(shape)
        self.scale = self.add_weight(shape=(self.units,), name="scale")

    def call(self, x: Any, training: bool = False) -> Any:
        x = keras.ops.sigmoid(self.dense(self.norm(x, training=training)) * self.scale)
        return self.drop(x, training=training)

    def compute_output_shape(self, shape: Any) -> Any:
        return (*shape[:-1], self.units)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "units": self.units}


class Dense(layers.Layer):
    """Not registered, and of the name of a layer that techniques know."""

    def build(self, shape: Any) -> None:
        self.kernel = self.add_weight(shape=(shape[-1], shape[-1]), name="kernel")

    def call(self, x: Any) -> Any:
        return keras.ops.tanh(keras.ops.matmul(x, self.kernel))


class Joined(layers.Layer):
    """Reads two tensors."""

    def call(self, first: Any, second: Any) -> Any:
        return keras.ops.maximum(first, second)


class Block(keras.Model):
    """A subclassed model inside a functional one."""

    def __init__(self, **options: Any):
        super().__init__(**options)
        self.inner = layers.Dense(3)

    def call(self, x: Any) -> Any:
        return self.inner(x)


class Forgetful(layers.Layer):
    """Takes an argument that its config does not have."""

    def __init__(self, table: np.ndarray, **options: Any):
        super().__init__(**options)
        self.table = table

    def call(self, x: Any) -> Any:
        return x * self.table


@keras.saving.register_keras_serializable("tests")
def squash(x: Any) -> Any:
    """An activation of the user."""
    return x / (1 + keras.ops.abs(x))


def model_of(make: Callable[[Any], Any]) -> keras.Model:
    keras.utils.set_random_seed(1)
    x = keras.Input(SHAPE, name="x")
    h = make(layers.Dense(4, activation="relu", name="first")(x))
    h = layers.GlobalAveragePooling1D(name="pool")(h)
    return keras.Model(x, layers.Dense(3, name="logits")(h), name="model")


def gated() -> keras.Model:
    model = model_of(Gate(5, name="gate"))
    generator = np.random.default_rng(2)
    for weight in model.get_layer("gate").weights:
        weight.assign(generator.uniform(0.1, 1, weight.shape))
    return model


MODELS = {
    "weights, layers and training": gated,
    "a name that is known": lambda: model_of(Dense(name="own")),
    "an activation": lambda: model_of(layers.Dense(4, activation=squash, name="own")),
    "two inputs": lambda: model_of(lambda x: Joined(name="own")(x, 0.5 * x)),
    "a subclassed model": lambda: model_of(Block(name="own")),
    "inside a layer of Keras": lambda: model_of(
        layers.TimeDistributed(Gate(3, name="in"), name="own")
    ),
}


@pytest.mark.parametrize("name", chosen(MODELS, ["a name that is known"]))
def test_the_copy_computes_the_same_and_trains(name):
    model = MODELS[name]()
    copy = to_tf_keras(model)
    (layer,) = [layer for layer in copy.layers if isinstance(layer, KerasLayer)]
    batch = random_batch(model, seed=99)
    expected, received = model(batch, training=False), copy(batch, training=False)
    assert max_difference(np.asarray(expected), np.asarray(received)) <= TOLERANCE
    before, source = layer.get_weights(), model.get_weights()
    copy.compile("adam", "mse")
    copy.train_on_batch(batch, np.ones((len(batch), 3)))
    trained = [
        not np.array_equal(*pair)
        for pair in zip(before, layer.get_weights(), strict=True)
    ]
    assert any(trained) == bool(before)
    assert all(map(np.array_equal, source, model.get_weights()))


def test_it_is_another_layer_in_training():
    copy = to_tf_keras(gated())
    layer = copy.get_layer("gate")
    x = np.ones((4, *SHAPE), np.float32)
    assert np.any(np.asarray(layer(x, training=True)) == 0)  # dropped
    assert not np.any(np.asarray(layer(x, training=False)) == 0)


@pytest.mark.parametrize(
    "text",
    chosen(
        ["prune(0.5) | int8", "cluster(4) | int8", "qat", "prune(0.5) | pqat"],
        ["qat"],
    ),
)
def test_techniques_leave_it_out_and_the_file_is_integer(text):
    model = gated()
    kept = model.get_layer("gate").get_weights()
    recipe = parse_recipe(text)
    step = recipe.techniques[-1]
    copy = to_tf_keras(model)
    assert "gate (Gate)" in unsupported_layers(copy, step.name)

    def fit(trained: tf_keras.Model, callbacks: Any) -> None:
        """Initialize quantizers without a step that changes weights."""
        trained.compile(tf_keras.optimizers.SGD(0.0), "mse")
        targets = np.zeros((len(batch), 3))
        trained.fit(batch, targets, verbose=0, callbacks=list(callbacks))

    batch = random_batch(model, seed=3)
    result = apply(step, copy, fit)
    (layer,) = [layer for layer in result.layers if isinstance(layer, KerasLayer)]
    for want, got in list(zip(kept, layer.get_weights(), strict=True))[:2]:
        assert np.array_equal(want, got)
    facts = read_facts(export(result, "int8", np.asarray(batch)))
    assert facts.float_operators == ()


def test_a_class_that_cannot_be_made_again_is_named():
    model = model_of(Forgetful(np.ones(4, np.float32), name="own"))
    with pytest.raises(UserError) as caught:
        to_tf_keras(model)
    for part in ('layer "own"', "Forgetful", "get_config"):
        assert part in str(caught.value)


def test_rewriting_keeps_a_subclassed_model_whole():
    model = MODELS["a subclassed model"]()
    copy = rebuild_with_weights(model, lambda layer: None)
    batch = random_batch(model, seed=4)
    assert np.array_equal(np.asarray(model(batch)), np.asarray(copy(batch)))
