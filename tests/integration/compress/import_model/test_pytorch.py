"""Models of PyTorch: traced in another Python, with equal outputs, or refused.

PyTorch is looked for in $PIPELINE_TORCH_PYTHON, then in this interpreter.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.cli.main import main
from pipeline.compress.import_model.archive import check_archive
from pipeline.compress.import_model.pytorch.torch_model import (
    PYTHON,
    TorchModel,
    check_torch,
    is_torch,
    python_of,
    shape_of,
)
from pipeline.core.errors import UserError
from tests.helpers.project import ROOT

CONVOLUTIONAL = (
    *("lenet", "vgg", "resnet", "mobilenet", "squeezed"),
    *("unet", "shuffled", "keywords", "upsampled", "table"),
)
OTHERS = ("lstm", "gru", "rnn", "encoder", "prenorm", "vision")


def torch_python() -> str:
    """A Python with PyTorch and onnx."""
    python = os.environ.get(PYTHON) or sys.executable
    code = "import importlib.util as u; print(*map(bool, map(u.find_spec, {})))"
    code = code.format(("torch", "onnx"))
    answer = subprocess.run([python, "-c", code], capture_output=True, text=True)
    if answer.stdout.split() != ["True", "True"]:
        pytest.skip(f"torch and onnx are not installed in {python} (${PYTHON})")
    pytest.importorskip("onnx", reason="the extra onnx is not installed")
    return python


@pytest.fixture(scope="module")
def exported(tmp_path_factory: Any) -> tuple[Path, dict[str, Any]]:
    """Files and answers of the exporter, all made in one process."""
    python, folder = torch_python(), tmp_path_factory.mktemp("torch")
    script = ROOT / "tests/helpers/torch_drive.py"
    subprocess.run([python, "-B", script, folder], check=True, capture_output=True)
    return folder, json.loads((folder / "answers.json").read_text())


@pytest.mark.slow
@pytest.mark.parametrize("name", [*CONVOLUTIONAL, *OTHERS])
def test_a_network_keeps_the_outputs_of_pytorch(name, exported):
    from pipeline.compress.import_model.onnx import build
    from pipeline.compress.import_model.onnx.model_file import read_onnx

    folder, answers = exported
    assert answers[name] == {"notes": []}
    path = folder / f"{name}.onnx"
    check_archive(path)
    model, axes = build.rebuilt(read_onnx(path), path)
    golden = np.load(folder / f"{name}.npz")
    outputs = np.asarray(
        model(golden["x"].transpose(build.input_order(read_onnx(path))))
    )
    np.testing.assert_allclose(outputs, golden["y"].transpose(axes), atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["encoder", "vision", "gru"])
def test_attention_and_recurrent_layers_become_int8(name, exported):
    from pipeline.compress.import_model.onnx import build
    from pipeline.compress.import_model.onnx.model_file import read_onnx
    from pipeline.compress.tfmot.bridge import to_tf_keras
    from pipeline.compress.tfmot.export import export

    path = exported[0] / f"{name}.onnx"
    model = build.load_onnx(path)
    x = np.load(path.with_suffix(".npz"))["x"]
    x = x.transpose(build.input_order(read_onnx(path))).astype(model.input.dtype)
    content = export(to_tf_keras(model), "int8", x)
    assert content[4:8] == b"TFL3"


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    ["good.pt", "checkpoint.pth", "parallel.pt", "good.safetensors", "vgg_program.pt2"],
)
def test_weights_and_programs_are_the_same_model(name, exported):
    from onnx import load, numpy_helper

    folder, answers = exported
    assert "error" not in answers[name]
    arrays = [
        sorted(numpy_helper.to_array(t).sum() for t in load(path).graph.initializer)
        for path in (folder / "vgg.onnx", folder / f"{Path(name).stem}.onnx")
    ]
    np.testing.assert_allclose(*arrays, rtol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("broken.pt2", "not a complete .pt2 file"),
        ("broken.safetensors", "not a complete .safetensors file"),
        ("code.pt", "mkdir, and reading it could run code"),
        ("code.pt2", "opaque_obj_0, and reading it could run code"),
        (
            "other.pt",
            "missing: 0.weight; not of the model: 9.w; of another shape: 9.we",
        ),
        ("absent", "has no absent; it has Pair, Random"),
        ("raises", "raises() raised ValueError: no such size ("),
        ("number", "number is of the class int"),
        ("pair", "returns a tuple of tensor (1, 4), tensor (1, 4)"),
        ("random", "answers otherwise when the same input is given again"),
        ("scalar", "the first axis of the output must be the batch"),
        ("steps_first", "the first axis of its input is not the batch"),
        ("wide", "an input of the shape (5,) cannot go through the model"),
        ("module", "no_such.module cannot be imported"),
    ],
)
def test_what_cannot_be_traced_is_one_message(name, words, exported):
    assert words in exported[1][name]["error"]


@pytest.mark.slow
def test_a_model_in_training_mode_is_named(exported):
    assert "is in training mode" in exported[1]["training"]["notes"][0]


def test_inspect_traces_a_model_in_the_named_python(capsys):
    source = ROOT / "tests/helpers/torch_nets.py:build_table"
    options = ["--shape=7", f"--python={torch_python()}", "--json"]
    assert main(["inspect", str(source), *options]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["outputs"], facts["file"]) == ([[3]], str(source))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["net.pth"], "is a file of weights; name the code"),
        (["no.py:build", "--shape=3"], "no.py: no such file"),
        (["no.pt2"], "no.pt2: no such file"),
        (["a.b:build"], "does not tell the shape of its input"),
        (["a.b:build", "--shape=x"], "must be whole numbers such as 3,32,32"),
        (["a.b:build", "--shape=0"], "sizes are at least 1"),
        (["a.b:build", "--shape=3", "--weights=a.pt"], "a.pt: no such file"),
        (
            ["a.b:build", "--shape=3", "--weights=a.bin"],
            "must be a file of .safetensors",
        ),
        (["a.b:build", "--shape=3", "--python=/no/such"], "/no/such is not a program"),
        (["net.keras", "--shape=3"], "--shape: is for a model of PyTorch"),
    ],
)
def test_wrong_options_are_refused_before_anything_runs(arguments, words, capsys):
    assert main(["inspect", *arguments]) == 2
    assert words in capsys.readouterr().err


def test_models_of_pytorch_are_known_by_their_names(tmp_path, monkeypatch):
    assert all(map(is_torch, ("a.py:build", "a.b:c.d", "m.pt2", "w.safetensors")))
    assert not any(map(is_torch, ("m.keras", "m.onnx", "npz:a.npz/b", "folder")))
    assert TorchModel("pkg.net:build").path == Path("net")
    assert shape_of("3,8,8") == (3, 8, 8)
    monkeypatch.setenv(PYTHON, str(tmp_path / "python"))
    with pytest.raises(UserError, match=rf"\${PYTHON}: .* is not a program"):
        python_of(TorchModel("a:b", (3,)))
    (tmp_path / "m.pt2").write_bytes(b"")
    with pytest.raises(UserError, match="holds its own weights"):
        check_torch(TorchModel(str(tmp_path / "m.pt2"), weights="a.pt"))
