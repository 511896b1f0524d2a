"""Files that Keras saved under JAX or PyTorch: the same predictions on TensorFlow."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from pipeline.compress.import_model.archive import check_archive
from pipeline.compress.import_model.precision import note
from pipeline.compress.import_model.train.stage import load_any
from pipeline.compress.inspection.inspect_file import inspect_file
from pipeline.core.errors import UserError
from pipeline.data.params import DataParams
from pipeline.experiment.source_look import check_shapes
from tests.helpers.project import ROOT

FOLDER = Path(__file__).parent / "backends"
BACKENDS = ("jax", "torch")
# Name of a model -> tolerance: that of the arithmetic of its file.
TOLERANCES = {
    "convolutional": 1e-5,
    "recurrent": 1e-5,
    "mixed_float16": 2e-3,
    "bfloat16": 2e-2,
}


def difference(folder: Path, name: str) -> float:
    """The largest difference of predictions, relative to the largest prediction."""
    check_archive(folder / f"{name}.keras")
    arrays = np.load(folder / "predictions.npz")
    model, expected = load_any(folder / f"{name}.keras"), arrays[f"{name}_y"]
    assert {weight.dtype for weight in model.weights} <= {"float32", "uint32"}
    outputs = np.asarray(model(arrays[f"{name}_x"], training=False))
    return float(np.abs(outputs - expected).max() / np.abs(expected).max())


@pytest.mark.parametrize("name", TOLERANCES)
@pytest.mark.parametrize("backend", BACKENDS)
def test_a_file_of_another_backend_keeps_its_predictions(backend, name):
    assert difference(FOLDER / backend, name) < TOLERANCES[name]


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_model_of_16_bits_is_named(backend):
    folder = FOLDER / backend
    assert "computes in bfloat16" in next(note(folder / "bfloat16.keras"))
    assert not list(note(folder / "recurrent.keras"))


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_shapes_of_a_file_of_another_backend_are_inspected(backend):
    facts = inspect_file(FOLDER / backend / "convolutional.keras")
    assert (facts["outputs"], facts["unknown"]) == ([[3]], [])


def test_examples_with_channels_first_are_refused_with_the_remedy(tmp_path):
    np.savez(tmp_path / "d.npz", x=np.zeros((4, 1, 8, 8)), y=np.arange(4))
    params = DataParams(source=f"npz:{tmp_path / 'd.npz'}", preprocessing="none")
    with pytest.raises(UserError, match=r"\(8, 8, 1\), and .*moveaxis\(x, 1, -1\)"):
        check_shapes(FOLDER / "torch" / "convolutional.keras", params)


@pytest.mark.slow
@pytest.mark.parametrize("backend", BACKENDS)
def test_a_file_of_the_installed_backend_keeps_its_predictions(backend, tmp_path):
    if find_spec(backend) is None:
        pytest.skip(f"the package {backend} is not installed")
    command = [sys.executable, str(ROOT / "tests/helpers/backend_models.py"), tmp_path]
    environment = {**os.environ, "KERAS_BACKEND": backend}
    result = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    for name, tolerance in TOLERANCES.items():
        assert difference(tmp_path, name) < tolerance
