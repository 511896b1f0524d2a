"""Transfer learning and ensembles: heads, frozen layers, files that change."""

from __future__ import annotations

import os
from pathlib import Path

import keras
import numpy as np
import pytest

from pipeline.core.errors import UserError
from pipeline.models import registry
from tests.helpers.models_cases import spec, trained

IMAGE = spec((32, 32, 3))
SHARED = os.environ.get("PIPELINE_SHARED_DATA")


@pytest.fixture
def net(tmp_path) -> Path:
    """A small trained backbone."""
    return trained(tmp_path / "net.keras", spec((24, 24, 3)), name="resnet")


def build(net: Path, **values):
    return registry.build(
        "pretrained", {"backbone": str(net), "dropout": 0.0, **values}, IMAGE, 1
    )


def norms(model):
    return [layer for layer in model.layers if "norm" in layer.name]


def test_frozen_layers_stay_and_frozen_norms_keep_their_statistics(net):
    model = build(net, freeze=0.5)
    before = {layer.name: layer.get_weights() for layer in model.layers}
    model.compile(
        keras.optimizers.Adam(1e-2),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        run_eagerly=True,
    )
    rng = np.random.default_rng(1)
    x = rng.normal(5, 3, (8, 32, 32, 3)).astype(np.float32)
    for _ in range(2):
        model.train_on_batch(x, rng.integers(0, 3, 8))
    moved = {
        layer.name: any(
            not np.array_equal(a, b)
            for a, b in zip(before[layer.name], layer.get_weights())
        )
        for layer in model.layers
        if layer.weights
    }
    frozen = {layer.name for layer in model.layers if not layer.trainable}
    assert {name for name, new in moved.items() if not new} == frozen & set(moved)
    assert {layer.trainable for layer in norms(model)} == {True, False}


@pytest.mark.parametrize(("fraction", "frozen"), [(0.0, "none"), (1.0, "all")])
def test_how_deep_it_is_frozen_is_a_hyperparameter(net, fraction, frozen):
    states = {layer.trainable for layer in norms(build(net, freeze=fraction))}
    assert states == {frozen == "none"}


@pytest.mark.parametrize(
    ("pixels", "wanted"),
    [
        ("0..255", lambda x: 255 * x),
        ("0..1", lambda x: x),
        ("-1..1", lambda x: 2 * x - 1),
        ("(x-127)/128", lambda x: (255 * x - 127) / 128),
    ],
)
def test_the_backbone_computes_what_it_did(net, pixels, wanted):
    """Model inputs of 0 .. 1 arrive in the range that the backbone was trained on."""
    original = keras.models.load_model(net, compile=False)
    features = keras.Model(original.input, original.get_layer("pool").output)
    values = {"backbone": str(net), "pixels": pixels, "dropout": 0.0}
    model = registry.build("pretrained", values, spec((24, 24, 3)), 1)
    again = keras.Model(model.input, model.get_layer("logits").input)
    x = np.random.default_rng(1).random((2, 24, 24, 3)).astype(np.float32)
    assert np.allclose(features(wanted(x)), again(x), atol=1e-5)


@pytest.mark.parametrize(
    ("values", "parts"),
    [
        ({"backbone": "MobileNetV9"}, ['no "MobileNetV9"', "did you mean"]),
        ({"backbone": "ResNet50v2"}, ['did you mean "ResNet50V2"']),
        ({"backbone": "no_such.keras"}, ["no such .keras file"]),
        (
            {"backbone": "MobileNetV2", "weights": "mine"},
            ['weights: no "mine" (there are: none, imagenet)'],
        ),
        ({"backbone": "InceptionV3"}, ["InceptionV3", "75"]),
        ({"backbone": "MobileNetV2", "pixels": "0..2"}, ['pixels: no "0..2"']),
    ],
)
def test_an_invalid_backbone_is_refused(values, parts):
    with pytest.raises(UserError) as caught:
        registry.build("pretrained", values, IMAGE, 1)
    for part in parts:
        assert part in str(caught.value)


def test_a_file_that_changed_since_the_search_is_refused(net):
    with pytest.raises(UserError, match="changed since the search: backbone_hash"):
        build(net, backbone_hash="0123456789abcdef")


def test_a_backbone_that_counts_its_pixels_cannot_take_others(tmp_path):
    flat = trained(tmp_path / "cnn.keras", spec((24, 24, 3)))
    with pytest.raises(UserError, match="cannot take"):
        build(flat)


@pytest.mark.skipif(not SHARED, reason="PIPELINE_SHARED_DATA is not set")
def test_a_real_backbone_with_imagenet_weights():
    values = {
        "backbone": "${PIPELINE_SHARED_DATA}/efficientnet_lite0_imagenet.keras",
        "pixels": "(x-127)/128",
    }
    model = registry.build("pretrained", values, spec((64, 64, 1)), 1)
    assert model.output_shape == (None, 3)
    assert [w.shape for w in model.trainable_weights] == [(1280, 3), (3,)]


def test_an_ensemble_begins_as_the_mean_of_its_members(tmp_path):
    paths = [trained(tmp_path / f"{n}.keras", IMAGE, seed=n) for n in (1, 2, 3)]
    members = {"members": ", ".join(map(str, paths))}
    registry.check("ensemble", IMAGE, members)
    model = registry.build("ensemble", members, IMAGE, 1)
    x = np.random.default_rng(1).random((4, 32, 32, 3)).astype(np.float32)
    votes = [keras.models.load_model(path)(x) for path in paths]
    assert np.allclose(model(x), np.mean(votes, axis=0), atol=1e-5)
    assert [w.shape for w in model.trainable_weights] == [(9, 3), (3,)]


@pytest.mark.parametrize(
    ("members", "message"),
    [("none", "two .keras files or more"), ("a.keras,b.keras", "no such .keras")],
)
def test_an_ensemble_needs_members(members, message):
    with pytest.raises(UserError, match=message):
        registry.build("ensemble", {"members": members}, IMAGE, 1)


def test_members_must_have_the_same_classes(tmp_path):
    data = spec((32, 32, 3), classes=("a", "b"))
    paths = [trained(tmp_path / f"{n}.keras", data, seed=n) for n in (1, 2)]
    members = {"members": ",".join(map(str, paths))}
    message = r"1.keras maps \(32, 32, 3\) to \(2,\); .* \(32, 32, 3\) to \(3,\) logits"
    with pytest.raises(UserError, match=message):
        registry.build("ensemble", members, IMAGE, 1)
