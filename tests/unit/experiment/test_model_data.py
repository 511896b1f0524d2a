"""The sources of compress-file, and what a model decides about them."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pipeline.cli.main import main
from pipeline.core.errors import UserError
from pipeline.data.params import DataParams
from pipeline.experiment.compress_model import _degraded_by
from pipeline.experiment.model_data import (
    SPLIT,
    ModelData,
    check_recipes,
    model_data,
    named_source,
    unlabelled_recipes,
)
from pipeline.experiment.overrides import parse_override


def layer(kind: str, name: str, before: str = "", **config: Any) -> dict[str, Any]:
    """A layer of config.json, called on the layer `before`."""
    tensors = [{"class_name": "__keras_tensor__"}]
    tensors[0]["config"] = {"keras_history": [before, 0, 0]}
    return {
        "module": "keras.layers",
        "class_name": kind,
        "config": {"name": name, **config},
        "name": name,
        "inbound_nodes": [{"args": tensors, "kwargs": {}}] if before else [],
    }


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A file with the configuration of a classifier of (9, 8, 1) to 12 classes."""
    layers = [
        layer("InputLayer", "input", batch_shape=[None, 9, 8, 1]),
        layer("Flatten", "flat", "input"),
        layer("Dense", "dense", "flat", units=12),
        layer("Softmax", "end", "dense"),
    ]
    inside = {
        "name": "net",
        "layers": layers,
        "input_layers": [["input", 0, 0]],
        "output_layers": [["end", 0, 0]],
    }
    config = {"module": "keras", "class_name": "Functional", "config": inside}
    with zipfile.ZipFile(tmp_path / "net.keras", "w") as archive:
        archive.writestr("config.json", json.dumps(config))
        archive.writestr("model.weights.h5", b"none")
    return tmp_path / "net.keras"


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A labelled and an unlabelled .npz file, and a folder of two pictures."""
    x = np.zeros((4, 3), np.float32)
    np.savez(tmp_path / "a.npz", x=x, y=np.arange(4))
    np.savez(tmp_path / "splits.npz", x_train=x, y_train=x[:, 0], x_test=x, y_test=x)
    np.savez(tmp_path / "bare.npz", x=x)
    for name in ("flat", "classes/a"):
        (tmp_path / name).mkdir(parents=True)
        Image.new("L", (8, 9)).save(tmp_path / name / "1.png")
    return tmp_path


def test_a_path_alone_is_a_source(files):
    kinds = {name: named_source(f"{files}/{name}") for name in ("a.npz", "flat")}
    assert kinds == {"a.npz": f"npz:{files}/a.npz", "flat": f"images:{files}/flat"}
    assert named_source(f"{files}/splits.npz#test") == f"npz:{files}/splits.npz#test"
    assert named_source("tfds:mnist#train[:9%]") == "tfds:mnist#train[:9%]"


@pytest.mark.parametrize(
    ("name", "labelled"),
    [
        ("a.npz", True),
        ("splits.npz#test", True),
        ("splits.npz#x_test,y_train", True),
        ("bare.npz", False),
        ("flat", False),
        ("classes", True),
    ],
)
def test_labels_are_found_by_the_header(files, name, labelled):
    assert model_data(f"{files}/{name}").labelled is labelled


def test_examples_without_labels_are_compared_with_the_float_model(files, model):
    data = model_data(None, calibration=f"{files}/classes")
    section = DataParams(**data.section(model))
    assert section.task == "agreement" and not section.has_test_split
    check_recipes(unlabelled_recipes("lite"), section)
    with pytest.raises(
        UserError, match=r"prune\(0.5\) \| int8: trains, and the examples of"
    ):
        check_recipes(["int8", "prune(0.5) | int8"], section)


def test_a_microcontroller_gets_recipes_that_it_runs():
    assert "int8" in unlabelled_recipes("micro")
    assert "dynamic" not in unlabelled_recipes("micro")


def test_named_splits_reach_the_data_stage(files, model):
    data = model_data(
        None,
        train=f"{files}/a.npz",
        validation=f"{files}/splits.npz#train",
        test=f"{files}/splits.npz#test",
    )
    section = DataParams(**data.section(model))
    npz = f"npz:{files}/splits.npz"
    assert section.split_sources == {
        "validation": f"{npz}#train",
        "test": f"{npz}#test",
    }
    assert section.has_test_split
    assert section.every_source[0] == f"npz:{files}/a.npz"


def test_the_model_decides_size_channels_and_classes(files, model):
    section = model_data(f"{files}/classes").section(model)
    assert section["image"] == {"size": [9, 8], "channels": 1}
    assert section["class_count"] == 12
    assert section["split"] == {**SPLIT, "rare_classes": "allow"}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ([], "give one of --data SOURCE"),
        (["--data=a.npz", "--train=a.npz"], "received --data, --train"),
        (["--data=npz:none.npz"], "--data"),
        (["--data=a.npz", "--validation=npz:none.npz"], "--validation"),
        (["--calibration=flat", "--validation=a.npz"], "its examples have no labels"),
        (["--data=bare.npz", "--test=a.npz"], "has no effect without labels"),
        (["--calibration=flat", "--set=compress.recipes=[qat]"], "qat: trains, and"),
    ],
)
def test_sources_that_do_not_go_together_are_refused(
    options, words, files, model, monkeypatch, capsys
):
    monkeypatch.chdir(files)
    assert main(["compress-file", str(model), *options]) == 2
    assert words in capsys.readouterr().err
    assert not (files / "net-compressed").exists()


def test_labelled_data_is_the_default():
    assert ModelData("sklearn:iris").labelled


def test_a_model_that_restores_images_gets_clean_ones_of_the_scaled_size(model):
    data = ModelData("images:photos", labelled=False)
    section = data.clean_images(model, scale=2)
    assert section["image"] == {"size": [18, 16], "channels": 1}
    assert "task" not in section and "class_count" not in section
    arrays = ModelData("npz:a.npz").clean_images(model, scale=1)
    assert arrays["preprocessing"] == "none"
    merged = {**section, "task": "restoration", "degrade": "downscale(2)"}
    assert DataParams(**merged).degradation


def test_the_factor_is_that_of_the_overrides():
    typed = ("data.task=restoration", "data.degrade=downscale(3) | noise(0.1)")
    overrides = [parse_override(text, f"--set {text}") for text in typed]
    assert _degraded_by(overrides) == 3
    assert _degraded_by(overrides[:1]) == 2
    assert _degraded_by(overrides[1:]) is None
