"""Layers of the user's own: accepted, or refused by their text before any stage."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.core.errors import UserError
from pipeline.experiment.user_layers import check_layers

HEAD = """import keras
import tensorflow as tf
from keras import layers, ops

class Own(layers.Layer):
    def call(self, x):
"""
TAIL = """

def build(p, spec):
    return keras.Sequential([Own(), layers.Dense(3)])
"""


@pytest.fixture
def write(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def written(line: str, module: str = "mine") -> None:
        Path(f"{module}.py").write_text(f"{HEAD}        {line}\n{TAIL}")

    return written


@pytest.mark.parametrize(
    "line",
    [
        "return ops.sigmoid(x)",
        "return tf.nn.relu6(x)",
        "return self.solve(x)",
        "return tf.signal.rfft(x)",
    ],
)
def test_a_layer_of_ones_own_is_accepted(write, line):
    write(line)
    check_layers("mine:build")
    check_layers("cnn")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("return ops.linalg.det(x)", "ops.linalg.det has no operator in LiteRT"),
        ("return tf.py_function(abs, [x], 'float32')", "tf.py_function has no op"),
        ("return layers.Lambda(lambda x: x)(x)", "a Lambda is a Python function"),
    ],
)
def test_what_cannot_be_exported_is_named_with_file_and_line(write, line, words):
    write(line, "parts")
    Path("mine.py").write_text("import parts\nbuild = parts.build\n")
    with pytest.raises(UserError) as error:
        check_layers("mine:build")
    assert "builder mine:build: " in str(error.value)
    assert "parts.py, line 7: " in str(error.value)
    assert words in str(error.value)
