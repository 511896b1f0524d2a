"""compress-file: a model from elsewhere, and what is refused of it."""

from __future__ import annotations

import json
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers

from pipeline.compress.given.train.stage import check_fits, with_logits
from pipeline.compress_file import table
from pipeline.data.spec import TaskSpec
from pipeline.engine.errors import UserError

SPEC = TaskSpec("iris", "sklearn:iris", (4,), "float32", ("a", "b", "c"))


def flowers(end: str = "softmax") -> keras.Model:
    """Iris's four numbers to three classes, with a softmax of one kind or another."""
    keras.utils.set_random_seed(1)
    given = keras.Input((4,), name="given")
    x = layers.Dense(8, activation="relu", name="hidden")(given)
    last = layers.Dense(
        3, activation="softmax" if end == "softmax" else None, name="end"
    )
    x = last(x)
    if end == "layer":
        x = layers.Softmax(name="probabilities")(x)
    return keras.Model(given, x, name="flowers")


@pytest.mark.parametrize("end", ["softmax", "layer"])
def test_a_softmax_at_the_end_is_left_out(end):
    model = flowers(end)
    logits = with_logits(model)
    x = np.random.default_rng(0).normal(size=(9, 4)).astype("float32")
    np.testing.assert_allclose(keras.ops.softmax(logits(x)), model(x), atol=1e-6)
    assert np.abs(keras.ops.sum(logits(x), -1) - 1).max() > 0.1


def test_logits_are_left_as_they_are():
    model = flowers("none")
    assert with_logits(model) is model


def two_inputs() -> keras.Model:
    first, second = (keras.Input((4,), name=name) for name in ("first", "second"))
    both = layers.Concatenate(name="both")([first, second])
    return keras.Model([first, second], layers.Dense(3, name="end")(both))


def dynamic() -> keras.Model:
    """Sequences of any length."""
    given = keras.Input((None, 4), name="given")
    x = layers.GlobalAveragePooling1D(name="mean")(given)
    return keras.Model(given, layers.Dense(3, name="end")(x), name="dynamic")


class Own(keras.Model):
    """A subclassed model."""

    def call(self, x):
        return x


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (two_inputs, "has 2 inputs and 1 outputs"),
        (
            lambda: keras.Sequential([keras.Input((5,)), layers.Dense(3)]),
            r"shape \(5,\)",
        ),
        (lambda: keras.Sequential([keras.Input((4,)), layers.Dense(7)]), "3 classes"),
        (dynamic, "all but the batch"),
        (Own, "has no graph"),
    ],
)
def test_a_model_that_does_not_fit_is_refused(make, words):
    with pytest.raises(UserError, match=words):
        check_fits(make(), SPEC, "model.keras")


def test_the_table_has_the_smallest_first_and_marks_the_chosen():
    rows = [
        {"id": "a", "recipe": "float", "bytes_gzip": 900, "bytes_raw": 999},
        {"id": "b", "recipe": "int8", "bytes_gzip": 300, "bytes_raw": 400},
    ]
    rows = [{**row, "accuracy": 0.9, "drop": 0.0, "status": "ok"} for row in rows]
    pareto = {"measure": "gzip", "points": rows, "chosen": "b"}
    lines = table(pareto, Path("out"))
    assert lines[1].startswith("int8") and lines[1].endswith("chosen")
    assert lines[-1] == f"chosen: {Path('out/compress/best.tflite')}"


def test_a_file_that_is_not_there_is_named(project):
    answer = project.cli("compress-file", "none.keras", "--data", "sklearn:iris")
    assert answer.code == 2 and "none.keras: no such file" in answer.err


def test_a_budget_that_nothing_meets_ends_with_3_and_the_frontier(project, tmp_path):
    flowers().save(tmp_path / "mine.keras")
    out = tmp_path / "out"
    answer = project.cli(
        "compress-file",
        str(tmp_path / "mine.keras"),
        "--data=sklearn:iris",
        "--budget=max_bytes=1",
        f"--out={out}",
        "--set=compress.recipes=[int8]",
    )
    assert answer.code == 3, answer.out + answer.err
    assert "none meets the budget" in answer.out and "nearest" in answer.out
    pareto = json.loads((out / "compress" / "pareto.json").read_text())
    assert {p["status"] for p in pareto["points"]} == {"ok"}
    assert not (out / "compress" / "best.tflite").exists()
