"""Golden vectors of the preprocessing, and the C source of the chosen file."""

from __future__ import annotations

import dataclasses
import wave

import numpy as np
import pytest
from PIL import Image

from pipeline.compress.kit import model_facts
from pipeline.compress.params import CompressParams
from pipeline.compress.tflite import front_end
from pipeline.data.artifact import Data
from pipeline.data.features import (
    FixedLength,
    LogMel,
    Resize,
    Standardise,
    Vocabulary,
    apply_steps,
    write_steps,
)
from pipeline.data.image_steps import DecodeImage, PixelRange
from pipeline.data.spec import TaskSpec
from pipeline.data.table_steps import EncodeColumns

INT8 = {"dtype": np.int8, "quantization": (0.05, -3)}
FLOAT = {"dtype": np.float32, "quantization": (0.0, 0)}
WORDS = ("[padding]", "[unknown]", "good", "bad", "film")
CELLS = EncodeColumns(
    (
        {"name": "age", "kind": "number", "median": 40.0, "indicator": True},
        {"name": "city", "kind": "category", "values": ["Bonn", "Rome"]},
    )
)
SCALE = Standardise((41.0, 0.0, 0.0, 0.0, 0.0), (9.0, 1.0, 1.0, 1.0, 1.0), "float64")
SECONDS = Standardise((1.7e9, 0.0), (5.0, 1.0), "float64")
MODALITIES = {
    "image": ((Resize(4, 6, 3),), (4, 6, 3), "uint8"),
    "audio": (
        (FixedLength(800, 8000), LogMel(8000, 32.0, 16.0, 8)),
        (5, 8, 1),
        "float32",
    ),
    "table": ((Standardise((1.0, -5.0), (2.0, 0.5)),), (2,), "float32"),
    "text": ((Vocabulary(WORDS, 3),), (3,), "int32"),
}
# Steps that come before, between or in the place of those above.
VARIANTS = {
    "image files": (DecodeImage((255, 255, 255)), Resize(4, 6, 3)),
    "image files of 16 bits": (
        DecodeImage((255,), bits=16),
        Resize(4, 6, 1),
        PixelRange(100, 3000),
    ),
    "image files of 16 bits, not resized": (
        DecodeImage((255,), bits=16),
        PixelRange(0, 65_535),
    ),
    "table with categories and gaps": (CELLS, SCALE),
    "table of large numbers": (SECONDS,),
}


def data_of(folder, modality: str) -> Data:
    """Data of the steps of a modality."""
    steps, shape, dtype = MODALITIES[modality]
    preprocess = write_steps(steps, folder)
    spec = TaskSpec("toy", "x:toy", shape, dtype, ("a", "b"), modality=modality)
    scale = 1 / 255 if modality == "image" else 1.0
    spec = dataclasses.replace(spec, preprocess=preprocess, scale=scale)
    return Data(folder, spec)


@pytest.mark.parametrize("modality", MODALITIES)
def test_the_vectors_lead_from_raw_examples_to_the_input_of_the_file(
    tmp_path, modality
):
    data = data_of(tmp_path, modality)
    front_end.write(tmp_path, data, FLOAT if modality == "text" else INT8)
    with np.load(tmp_path / "front_end.npz") as vectors:
        raw, stored, tensor = (vectors[n] for n in ("raw", "stored", "input"))
    assert len(raw) == len(stored) == len(tensor) == front_end.EXAMPLES
    np.testing.assert_array_equal(apply_steps(data.steps(), raw), stored)
    assert stored.shape[1:] == data.spec.shape == tensor.shape[1:]
    if modality != "text":
        real = data.spec.to_input(stored)
        within = np.abs(real) < 6
        error = (tensor.astype(np.float32) + 3) * 0.05 - real
        assert tensor.dtype == np.int8 and np.abs(error[within]).max() < 0.026
    assert len(np.unique(stored)) > 2


@pytest.mark.parametrize("name", VARIANTS)
def test_every_kind_of_data_gets_vectors_that_tell_the_steps_apart(tmp_path, name):
    steps, modality = VARIANTS[name], name.split()[0]
    shape = (4, 6, getattr(steps[1], "channels", 1)) if modality == "image" else (5,)
    shape = (2,) if steps == (SECONDS,) else shape
    dtype = "uint8" if modality == "image" else "float32"
    spec = TaskSpec("toy", "x:toy", shape, dtype, ("a", "b"), modality=modality)
    spec = dataclasses.replace(spec, preprocess=write_steps(steps, tmp_path))
    front_end.write(tmp_path, Data(tmp_path, spec), FLOAT)
    with np.load(tmp_path / "front_end.npz") as vectors:
        raw, stored = vectors["raw"], vectors["stored"]
    assert stored.shape == (front_end.EXAMPLES, *shape)
    assert np.isfinite(stored.astype(np.float32)).all()
    assert len(np.unique(stored.reshape(len(stored), -1), axis=0)) == len(stored)
    np.testing.assert_array_equal(apply_steps(steps, raw).astype(dtype), stored)
    if modality == "image":
        pixels = np.asarray(Image.open(tmp_path / "front_end.png"))
        np.testing.assert_array_equal(raw[0].squeeze(), pixels.squeeze())


def test_vectors_of_a_table_hold_a_gap_and_every_place_of_a_category(tmp_path):
    steps = (CELLS, SCALE)
    spec = TaskSpec("toy", "x:toy", (5,), "float32", ("a", "b"), modality="table")
    spec = dataclasses.replace(spec, preprocess=write_steps(steps, tmp_path))
    front_end.write(tmp_path, Data(tmp_path, spec), FLOAT)
    with np.load(tmp_path / "front_end.npz") as vectors:
        stored = vectors["stored"]
    assert stored[:, 1:].max(axis=0).tolist() == [1, 1, 1, 1]
    assert stored[-1].tolist() == [np.float32((40 - 41) / 9), 1, 1, 0, 0]


def test_the_first_example_is_a_sound_that_reads_back_equal(tmp_path):
    front_end.write(tmp_path, data_of(tmp_path, "audio"), INT8)
    with wave.open(str(tmp_path / "front_end.wav")) as file:
        assert (file.getframerate(), file.getnchannels()) == (8000, 1)
        samples = np.frombuffer(file.readframes(10_000), "<i2")
    with np.load(tmp_path / "front_end.npz") as vectors:
        np.testing.assert_array_equal(vectors["raw"][0], samples / np.float32(32768))


def test_the_first_example_is_a_picture_that_reads_back_equal(tmp_path):
    front_end.write(tmp_path, data_of(tmp_path, "image"), INT8)
    pixels = np.asarray(Image.open(tmp_path / "front_end.png"))
    with np.load(tmp_path / "front_end.npz") as vectors:
        np.testing.assert_array_equal(vectors["raw"][0], pixels)


def test_both_edges_of_the_mel_bands_are_in_spec_json():
    facts = LogMel(16_000, 32.0, 16.0, 40).facts
    assert facts["lowest_hertz"] == 20.0 and facts["highest_hertz"] == 8000.0


TENSORS = {
    "input": {"scale": 0.0039215689, "zero_point": -128},
    "output": {"scale": 1.0, "zero_point": 3},
}


def test_scale_and_zero_point_are_macros_with_the_prefix():
    lines = model_facts.quantization(TENSORS, "WAKE_WORD").splitlines()
    assert lines == [
        "#define WAKE_WORD_INPUT_SCALE 0.0039215689f",
        "#define WAKE_WORD_INPUT_ZERO_POINT (-128)",
        "#define WAKE_WORD_OUTPUT_SCALE 1.0f",
        "#define WAKE_WORD_OUTPUT_ZERO_POINT (3)",
    ]
    floats = {"input": {"scale": 0.0, "zero_point": 0}}
    assert model_facts.quantization(floats, "WAKE_WORD") == ""


@pytest.mark.parametrize("symbol", ["1st", "a-b", "", "a b", "int", "class", "main"])
def test_a_name_that_c_does_not_allow_is_refused(symbol):
    with pytest.raises(ValueError, match="c_symbol"):
        CompressParams(c_symbol=symbol)
