"""`inspect` against Keras and tfmot: shapes, cost, techniques from settings alone."""

from __future__ import annotations

import json
from pathlib import Path

import keras
import numpy as np
import pytest
import tf_keras
from keras import layers

from pipeline.cli.main import main
from pipeline.compress.inspection import shapes
from pipeline.compress.inspection.inspect_file import inspect_file
from pipeline.compress.inspection.keras_config import ConfigLayer
from pipeline.compress.inspection.keras_file import inspect_keras
from pipeline.compress.tfmot import supported_layers
from pipeline.compress.tfmot.bridge import to_tf_keras
from pipeline.compress.tfmot.export import export
from pipeline.models.describe import describe
from tests.helpers.device_files import FOLDER, read


def residual() -> keras.Model:
    """Convolutions of several kinds, with normalization, padding and a sum."""
    tensor = x = keras.Input((17, 15, 3), name="image")
    x = layers.Rescaling(1 / 255, name="scale")(x)
    x = layers.ZeroPadding2D(((0, 1), (2, 1)), name="pad")(x)
    x = layers.Conv2D(8, 3, strides=2, use_bias=False, name="stem")(x)
    x = layers.BatchNormalization(name="stem_bn")(x)
    x = skip = layers.Activation("relu6", name="stem_relu")(x)
    x = layers.DepthwiseConv2D(3, padding="same", name="deep")(x)
    x = layers.BatchNormalization(name="deep_bn")(x)
    x = layers.SeparableConv2D(8, 3, padding="same", activation="relu", name="sep")(x)
    x = layers.Add(name="sum")([x, skip])
    x = layers.BatchNormalization(name="alone")(x)
    x = layers.MaxPooling2D(3, strides=2, padding="same", name="pool")(x)
    x = layers.Conv2DTranspose(4, 3, strides=2, name="up")(x)
    x = layers.Concatenate(name="join")([x, layers.UpSampling2D(2, name="wide")(x)][:1])
    x = layers.GlobalAveragePooling2D(name="mean")(x)
    return keras.Model(tensor, layers.Dense(5, "softmax", name="end")(x))


def recurrent() -> keras.Model:
    """Token numbers to one probability."""
    tensor = keras.Input((12,), name="tokens")
    x = layers.Embedding(50, 6, name="embedding")(tensor)
    x = layers.Bidirectional(layers.LSTM(4, return_sequences=True), name="both")(x)
    x = layers.Dense(3, name="steps")(x)
    x = layers.GRU(5, name="gru")(x)
    return keras.Model(tensor, layers.Dense(1, "sigmoid", name="end")(x))


def nested() -> keras.Model:
    """A model in a Sequential model."""
    inner = keras.Sequential(
        [keras.Input((9, 4)), layers.Conv1D(6, 3, padding="causal", name="conv")],
        name="inner",
    )
    return keras.Sequential(
        [keras.Input((9, 4)), inner, layers.Flatten(name="flat"), layers.Dense(36)],
        name="outer",
    )


def arithmetic() -> keras.Model:
    """Arithmetic with constants before the first layer, as many models have it."""
    image = keras.Input((8, 8, 3))
    x = layers.Conv2D(4, 3, name="conv")((image - 127.5) / 127.5)
    x = layers.GlobalAveragePooling2D(name="pool")(keras.ops.relu(x))
    return keras.Model(image, layers.Dense(2, name="logits")(x), name="arithmetic")


MODELS = {
    "residual": residual,
    "recurrent": recurrent,
    "nested": nested,
    "arithmetic": arithmetic,
}


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_costs_are_those_that_keras_counts(name, suffix, tmp_path):
    model = MODELS[name]()
    model.save(tmp_path / f"net{suffix}")
    facts = inspect_keras(tmp_path / f"net{suffix}")
    expected = describe(model)
    assert facts["unknown"] == []
    assert facts["parameters"] == model.count_params()
    assert facts["macs"] == expected.macs
    rows = {row["name"].rpartition("/")[2]: row for row in facts["layers"]}
    for row in expected.rows:
        found = rows[row.name.rpartition("/")[2]]
        assert (found["kind"], found["shape"]) == (row.kind, list(row.shape))
        assert (found["parameters"], found["macs"]) == (row.parameters, row.macs)
    assert facts["outputs"] == [list(model.output_shape[1:])]


def test_a_wrapped_layer_counts_for_each_step():
    dense = {"class_name": "Dense", "config": {"units": 3}}
    layer = ConfigLayer("steps", "TimeDistributed", {"layer": dense})
    assert shapes.output_shape(layer, [(12, 8)]) == (12, 3)
    assert shapes.parameters(layer, [(12, 8)]) == 27
    assert shapes.macs(layer, [(12, 8)], (12, 3)) == 12 * 24


@pytest.mark.parametrize("name", ["residual", "recurrent"])
def test_techniques_are_those_of_the_compression_table(name, tmp_path):
    model = MODELS[name]()
    model.save(tmp_path / "net.keras")
    rows = {row["name"]: row for row in inspect_keras(tmp_path / "net.keras")["layers"]}
    copy = to_tf_keras(model)
    refused = {
        technique: {
            entry.partition(" ")[0]
            for entry in supported_layers.unsupported_layers(copy, technique)
        }
        for technique in ("prune", "qat", "quantize_weights")
    }
    for layer in copy.layers:
        if layer.name not in rows:
            continue  # the copy divides it into two
        for technique, names in refused.items():
            support = rows[layer.name][technique]
            assert support == "-" or (support == "no") == (layer.name in names)


def test_task_and_range_follow_from_the_structure(tmp_path):
    tasks = {}
    for name, build in MODELS.items():
        build().save(tmp_path / f"{name}.keras")
        tasks[name] = inspect_file(tmp_path / f"{name}.keras")
    assert tasks["residual"]["task"] == "classification, 5 classes (softmax)"
    assert tasks["residual"]["scaling"].startswith("0 .. 255: its Rescaling")
    assert tasks["recurrent"]["task"] == "classification, 2 classes (one sigmoid)"
    assert tasks["recurrent"]["scaling"] == "token numbers below 50"
    assert tasks["nested"]["arena_int8"] > 0


def test_a_tflite_file_is_described(tmp_path, capsys):
    path = tmp_path / "net.tflite"
    path.write_bytes(read(FOLDER / "mlperf-resnet8.tflite.gz"))
    assert main(["inspect", str(path), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["inputs"] == [[32, 32, 3]] and facts["outputs"] == [[10]]
    assert facts["macs"] == sum(row["macs"] for row in facts["layers"])
    assert facts["dtypes"] == ["int8", "int8"]
    assert main(["inspect", str(path)]) == 0
    assert "CONV_2D" in capsys.readouterr().out


def test_biases_of_int16_files_are_parameters_of_their_operators(tmp_path):
    tensor = tf_keras.Input((6,))
    layer = tf_keras.layers.Dense(4, bias_initializer="ones")
    model = tf_keras.Model(tensor, layer(tensor))
    path = tmp_path / "net.tflite"
    path.write_bytes(export(model, "int16x8", np.eye(6, dtype=np.float32)))
    facts = inspect_file(path)
    assert sum(row["parameters"] for row in facts["layers"]) == 28
    assert facts["parameters"] == 28


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\x80\x04pickle", "not a model of a known format; known are .keras"),
        (b"PK\x03\x04 cut", "not a complete Keras file"),
        (b"\x89HDF\r\n\x1a\n", "not a complete Keras file"),
        (None, "no such file"),
    ],
)
def test_another_file_is_one_message(content, words, tmp_path: Path, capsys):
    path = tmp_path / "net.bin"
    if content is not None:
        path.write_bytes(content)
    assert main(["inspect", str(path)]) == 2
    message = capsys.readouterr().err
    assert words in message and message.count("\n") == 1
