"""Files of Keras 2: rebuilt in Keras 3, with the same outputs; code is refused."""

from __future__ import annotations

import json
from pathlib import Path

import h5py
import numpy as np
import pytest
import tf_keras
from tf_keras import layers

from pipeline.compress.import_model.archive import check_archive, input_shape
from pipeline.compress.import_model.train.stage import load_any
from pipeline.compress.tfmot.from_tf_keras import load_keras_2
from pipeline.core.errors import UserError


def mobilenet() -> tf_keras.Model:
    """Layers as in MobileNetV1, and a nested model."""
    tensor = tf_keras.Input((8, 8, 3), name="image")
    x = layers.Conv2D(4, 3, padding="same", use_bias=False, name="conv")(tensor)
    x = layers.BatchNormalization(name="bn")(x)
    x = layers.LeakyReLU(0.2, name="leaky")(x)
    x = layers.DepthwiseConv2D(3, padding="same", name="deep")(x)
    x = layers.ReLU(6.0, name="relu")(x)
    inside = tf_keras.Sequential([layers.Conv2D(5, 1, name="point")], name="inner")
    x = layers.GlobalAveragePooling2D(name="mean")(inside(x))
    return tf_keras.Model(tensor, layers.Dense(3, activation="softmax", name="end")(x))


def recurrent() -> tf_keras.Model:
    """Recurrent layers in both directions."""
    tensor = tf_keras.Input((6, 4), name="steps")
    x = layers.Bidirectional(layers.LSTM(5, return_sequences=True), name="both")(tensor)
    x = layers.TimeDistributed(layers.Dense(4, activation="tanh"), name="each")(x)
    x = layers.GRU(3, name="gru")(x)
    return tf_keras.Model(tensor, layers.Dense(2, name="end")(x))


def with_groups(path: Path) -> None:
    """Add the setting that Keras 2.3 and later wrote, and Keras 3 refuses."""
    with h5py.File(path, "a") as file:
        config = json.loads(file.attrs["model_config"])
        for layer in config["config"]["layers"]:
            if layer["class_name"] == "DepthwiseConv2D":
                layer["config"]["groups"] = 1
        file.attrs["model_config"] = json.dumps(config)


@pytest.mark.parametrize("suffix", [".h5", ".keras"])
@pytest.mark.parametrize("build", [mobilenet, recurrent])
def test_a_model_of_keras_2_keeps_its_outputs(build, suffix, tmp_path):
    original, path = build(), tmp_path / f"net{suffix}"
    for weight in original.weights:  # statistics of a trained model, too
        noise = np.random.default_rng(1).uniform(0.1, 0.9, weight.shape)
        weight.assign(noise.astype(np.float32))
    original.save(path)
    if build is mobilenet and suffix == ".h5":
        with_groups(path)
    check_archive(path)
    shape = original.input_shape[1:]
    assert input_shape(path) == shape
    x = np.random.default_rng(0).normal(size=(4, *shape)).astype(np.float32)
    for model in (load_any(path), load_keras_2(path)):
        np.testing.assert_allclose(model(x), original(x), atol=1e-5)
    assert {"end"} <= {layer.name for layer in load_keras_2(path).layers}


@pytest.mark.parametrize("suffix", [".h5", ".keras"])
def test_a_layer_with_code_is_refused_by_name(suffix, tmp_path):
    tensor = tf_keras.Input((4,))
    x = layers.Lambda(lambda z: z * 2, name="twice")(tensor)
    tf_keras.Model(tensor, layers.Dense(2)(x)).save(tmp_path / f"net{suffix}")
    with pytest.raises(UserError, match='layer "twice" is a Lambda; only built-in'):
        check_archive(tmp_path / f"net{suffix}")


def test_a_shared_layer_is_refused_by_name(tmp_path):
    tensor, dense = tf_keras.Input((4,)), layers.Dense(4, name="shared")
    tf_keras.Model(tensor, dense(dense(tensor))).save(tmp_path / "net.keras")
    with pytest.raises(UserError, match='layer "shared" is called more than once'):
        load_keras_2(tmp_path / "net.keras")


def test_weights_alone_are_one_message(tmp_path):
    recurrent().save_weights(tmp_path / "net.weights.h5")
    with pytest.raises(UserError, match="weights without a model"):
        check_archive(tmp_path / "net.weights.h5")
