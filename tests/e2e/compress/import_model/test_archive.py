"""The checks of a .keras file before TensorFlow is imported."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from pipeline.compress.import_model.archive import check_archive, output_units
from pipeline.core.errors import UserError

CODE = "import sys, pipeline.experiment.compress_model; print(*sys.modules)"


def thing(kind: str, module: str | None = "keras.layers", **config: Any) -> dict:
    """An object as Keras writes it."""
    return {"module": module, "class_name": kind, "config": config}


def policy(name: str) -> dict:
    return thing("DTypePolicy", "keras", name=name)


def model(*layers: dict, **config: Any) -> dict:
    """A functional model, as Keras writes it."""
    ends = {"input_layers": ["given", 0, 0], "output_layers": [["end", 0, 0]]}
    inside = {"name": "net", "layers": list(layers), **ends, **config}
    return thing("Functional", "keras.src.models.functional", **inside)


DENSE = thing("Dense", name="end", dtype=policy("float32"))
PIXELS = thing("InputLayer", name="given", dtype="uint8")
ADD = thing("Add", "keras.src.ops.numpy", name="plus")
OWN = thing("Wave", None, name="mine")
STRANGE = thing("Dense", name="end", kernel_initializer=thing("Odd", "my.tools"))
FUNCTION = {"module": "builtins", "class_name": "function", "config": "odd"}
ODD = thing("Dense", name="end", activation=FUNCTION)
INNER = model(thing("TimeDistributed", name="each", layer=OWN))
LAMBDA = thing("Lambda", name="twice", function={"class_name": "__lambda__"})
HALF = thing("Conv2D", name="first", dtype=policy("mixed_float16"))
DOUBLE = thing("Conv2D", name="first", dtype=policy("float64"))
FIRST = thing("Conv2D", name="first", data_format="channels_first")
TWO = [["one", 0, 0], ["two", 0, 0]]
SUBCLASSED = thing("MyNet", None, name="net")
EIGHT = thing("Dense", name="first", units=8)
TWICE = [
    {**thing("ReLU", name=name), "inbound_nodes": [[[before, 0, 0, {}]]]}
    for name, before in (("end", "again"), ("again", "end"))
]
ALONE = thing("Sequential", "keras", name="net", layers=[DENSE])


def saved(path: Path, config: Any, weights: str = "model.weights.h5") -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", json.dumps(config))
        archive.writestr(weights, bytes(1000))
    return path


@pytest.mark.parametrize(
    "config",
    [
        model(PIXELS, DENSE, ADD),
        model(HALF, DENSE),
        model(model(DENSE)),
        ALONE,
        {**ALONE, "compile_config": {"loss": FUNCTION}},
    ],
)
def test_a_model_of_keras_layers_passes(config, tmp_path):
    check_archive(saved(tmp_path / "m.keras", config))


@pytest.mark.parametrize(
    ("config", "units"),
    [
        (model(EIGHT, thing("ReLU", name="end")), 8),
        (model(EIGHT, ADD, output_layers={"y": ["first", 0, 0]}), 8),
        (model(*TWICE), None),
    ],
)
def test_outputs_are_counted_in_the_layers_before_the_end(config, units, tmp_path):
    assert output_units(saved(tmp_path / "m.keras", config)) == units


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (SUBCLASSED, 'of the class "MyNet".*functional and Sequential'),
        (thing("Functional", "mine", name="net"), 'of the class "Functional"'),
        (model(DENSE, OWN), r'layer "mine" \(Wave\) is of a class.*script of your own'),
        (model(INNER), r'layer "mine" \(Wave\)'),
        (model(STRANGE), r'layer "end" \(Dense\) uses Odd of my\.tools'),
        (model(ODD), r'layer "end" \(Dense\) uses the function odd of a script'),
        (model(LAMBDA), 'layer "twice" is a Lambda.*such as Rescaling'),
        (model(DOUBLE), 'layer "first" computes in float64.*float32'),
        (model(FIRST), 'layer "first" has its channels first.*channels_last'),
        (model(DENSE, input_layers=TWO), "has 2 inputs and 1 output;"),
        (model(DENSE, output_layers={"a": TWO[0], "b": TWO[1]}), "1 input and 2 out"),
        (["a list"], "does not describe a Keras model"),
        ({"config": {}}, 'of the class "None"'),
    ],
)
def test_unsupported_models_are_rejected_naming_the_layer(config, words, tmp_path):
    with pytest.raises(UserError, match=rf"m\.keras: .*{words}"):
        check_archive(saved(tmp_path / "m.keras", config))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"\x89HDF\r\n\x1a\n and more", "not a complete Keras file"),
        (b"\x1c\x00\x00\x00TFL3", "is a .tflite file"),
        (b"PK\x03\x04 and no end", "truncated"),
        (b"hello, world", "is not a Keras model"),
    ],
)
def test_a_file_of_another_kind_is_named(content, words, tmp_path):
    (tmp_path / "m.keras").write_bytes(content)
    with pytest.raises(UserError, match=rf"{words}.*model\.save"):
        check_archive(tmp_path / "m.keras")


def test_a_truncated_or_corrupted_file_is_rejected(tmp_path):
    whole = saved(tmp_path / "m.keras", model(DENSE)).read_bytes()
    (tmp_path / "short.keras").write_bytes(whole[:-100])
    with pytest.raises(UserError, match="truncated"):
        check_archive(tmp_path / "short.keras")
    (tmp_path / "bad.keras").write_bytes(whole.replace(bytes(1000), b"\1" * 1000))
    with pytest.raises(UserError, match="checksum of model.weights.h5 does not match"):
        check_archive(tmp_path / "bad.keras")


def test_another_zip_file_is_rejected_naming_its_content(tmp_path):
    saved(tmp_path / "m.keras", model(DENSE), weights="notes.txt")
    with pytest.raises(UserError, match="it contains config.json, notes.txt"):
        check_archive(tmp_path / "m.keras")


def test_a_folder_is_rejected_as_a_saved_model_or_a_folder(tmp_path):
    with pytest.raises(UserError, match="is a folder"):
        check_archive(tmp_path)
    (tmp_path / "saved_model.pb").touch()
    with pytest.raises(UserError, match="is a SavedModel"):
        check_archive(tmp_path)


def test_the_check_imports_no_tensorflow():
    modules = subprocess.run(
        [sys.executable, "-c", CODE], capture_output=True, text=True, check=True
    ).stdout.split()
    assert "pipeline.compress.import_model.archive" in modules
    assert not {"tensorflow", "keras", "numpy"} & set(modules)
