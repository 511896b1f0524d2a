"""Files in the runtime: raw examples in, logits out."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from pipeline.core.errors import UserError
from pipeline.data.spec import TaskSpec
from pipeline.inference.interpreter import (
    MIN_RUNS,
    LiteModel,
    dequantize,
    measure_latency,
    quantize,
)
from tests.helpers.project import ROOT


def detail(dtype: type, scale: float, zero_point: int) -> dict:
    return {"dtype": dtype, "quantization": (scale, zero_point), "name": "input"}


@pytest.mark.parametrize(
    ("value", "dtype", "scale", "zero_point", "expected"),
    [
        (0.0, np.int8, 0.1, -5, -5),
        (0.26, np.int8, 0.1, 0, 3),  # a cast would give 2
        (0.5, np.int8, 1.0, 0, 1),  # halves go away from zero
        (1.5, np.int8, 1.0, 0, 2),
        (-0.5, np.int8, 1.0, 0, -1),
        (-2.5, np.int8, 1.0, 0, -3),
        (130.0, np.int8, 1.0, 0, 127),  # a cast would wrap to -126
        (127.6, np.int8, 1.0, 0, 127),  # rounded to 128, THEN clipped
        (-500.0, np.int8, 1.0, 0, -128),
        (1.0, np.int8, 1 / 255, -128, 127),
        (300.0, np.uint8, 1.0, 0, 255),
        (-3.0, np.uint8, 1.0, 0, 0),
        (4e4, np.int16, 1.0, 0, 32767),
        (0.7, np.float32, 0.0, 0, 0.7),
    ],
)
def test_values_are_rounded_then_clipped(value, dtype, scale, zero_point, expected):
    (stored,) = quantize(np.float32([value]), detail(dtype, scale, zero_point))
    assert stored.dtype == dtype
    assert stored == pytest.approx(expected)


def test_what_is_dequantized_is_what_the_numbers_stand_for():
    values = np.array([-128, 0, 127], np.int8)
    assert dequantize(values, detail(np.int8, 0.5, 7)).tolist() == [-67.5, -3.5, 60.0]
    assert dequantize(np.float16([1.5]), detail(np.float16, 0, 0)).dtype == np.float32


def test_an_integer_tensor_without_a_scale_is_refused():
    with pytest.raises(
        UserError, match='"input" is integer but has no quantization scale'
    ):
        quantize(np.zeros(3, np.float32), detail(np.int8, 0.0, 0))


def test_tokens_have_no_scale_and_stay():
    detail = {"name": "input", "dtype": np.int32, "quantization": (0.0, 0)}
    tokens = quantize(np.array([3, 900], np.int32), detail)
    assert tokens.tolist() == [3, 900] and tokens.dtype == np.int32


@pytest.fixture(scope="module")
def files(small_net, spec, train, tmp_path_factory) -> dict[str, Path]:
    """The small net as float and as int8."""
    from pipeline.compress.tfmot.bridge import to_tf_keras
    from pipeline.compress.tfmot.export import export

    folder, paths = tmp_path_factory.mktemp("files"), {}
    for kind in ("float", "int8"):
        content = export(to_tf_keras(small_net), kind, spec.to_input(train.x[:50]))
        paths[kind] = folder / f"{kind}.tflite"
        paths[kind].write_bytes(content)
    return paths


def test_an_integer_file_takes_raw_examples_and_answers_in_floats(
    files, spec, validation
):
    model = LiteModel(files["int8"], spec)
    logits = model.logits(validation.x)
    assert model.input["dtype"] == model.output["dtype"] == np.int8
    assert logits.dtype == np.float32 and logits.shape == (96, 3)
    assert np.mean(logits.argmax(1) == validation.y) > 0.9


def test_threads_and_order_change_no_answer(files, spec, validation):
    one = LiteModel(files["int8"], spec).logits(validation.x)
    two = LiteModel(files["int8"], spec, threads=2).logits(validation.x[::-1])
    assert np.array_equal(one, two[::-1])


def test_a_recurrent_file_forgets_the_example_before(tmp_path):
    import keras
    from keras import layers

    from pipeline.compress.tfmot.bridge import to_tf_keras
    from pipeline.compress.tfmot.export import export

    sequence = keras.Input((6, 4), name="sequence")
    memory = layers.LSTM(5, name="memory")(sequence)
    model = keras.Model(sequence, layers.Dense(3, name="logits")(memory), name="r")
    path = tmp_path / "model.tflite"
    path.write_bytes(export(to_tf_keras(model), "float"))
    spec = TaskSpec("s", "toy:s", (6, 4), "float32", ("a", "b", "c"))
    x = np.random.default_rng(1).normal(size=(9, 6, 4)).astype(np.float32)
    assert np.abs(LiteModel(path, spec).logits(x) - np.asarray(model(x))).max() < 1e-5


@pytest.mark.parametrize("content", [b"", b"no model", b"\0" * 4096])
def test_a_damaged_file_is_refused_by_name(tmp_path, spec, content):
    path = tmp_path / "best.tflite"
    path.write_bytes(content)
    with pytest.raises(
        UserError, match="best.tflite: the runtime cannot open .* compress again"
    ):
        LiteModel(path, spec)


def test_a_missing_file_is_refused_by_name(tmp_path, spec):
    with pytest.raises(UserError, match="absent.tflite"):
        LiteModel(tmp_path / "absent.tflite", spec)


def test_a_file_for_other_data_is_refused(files):
    other = TaskSpec("other", "toy:o", (9, 9, 1), "uint8", ("a", "b", "c"))
    with pytest.raises(
        UserError, match=r"shape \(8, 8, 1\).*\"other\" has \(9, 9, 1\)"
    ):
        LiteModel(files["float"], other)


def test_latency_is_measured_side_by_side(files, spec, validation):
    models = {name: LiteModel(path, spec) for name, path in files.items()}
    latency = measure_latency(models, validation.x[:3])
    assert list(latency) == ["float", "int8"]
    for row in latency.values():
        assert 0 < row["p10"] <= row["median"] <= row["p90"]
        assert row["runs"] >= MIN_RUNS
    assert measure_latency({}, validation.x) == {}


@pytest.mark.parametrize(
    "module",
    [
        "inference.interpreter",
        "compress.tflite.inspect",
        "compress.selection.pareto_front",
        "compress.params",
    ],
)
def test_what_others_import_does_not_import_tensorflow(module):
    code = (
        f"import sys, pipeline.{module}; "
        "print({'tensorflow', 'keras', 'tf_keras'} & set(sys.modules))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True
    )
    assert answer.stdout.strip() == "set()", answer.stderr
