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


LAYER = """import keras
from keras import layers

class Scaled(layers.Layer):
    def __init__(self, factor{default}, **options):
        super().__init__(**options)
        self.factor = factor

    def call(self, x):
        return self.factor * x

    def get_config(self):
        {config}

def build(p, spec):
    return keras.Sequential([Scaled({passed}), layers.Dense(3)])
"""
BASE = "return super().get_config()"


@pytest.mark.parametrize(
    ("default", "config", "passed"),
    [
        ("", BASE, "3"),
        ("=1", BASE, "3"),
        ("=1", BASE, "factor=3"),
        ("", 'return {**super().get_config(), "fact": self.factor}', "3"),
        ("", "config = super().get_config()\n        return config", "3"),
    ],
)
def test_a_config_without_an_argument_is_an_error_at_once(
    write, default, config, passed
):
    text = LAYER.format(default=default, config=config, passed=passed)
    Path("mine.py").write_text(text)
    with pytest.raises(UserError) as error:
        check_layers("mine:build")
    assert "mine.py, line 4: " in str(error.value)
    assert 'get_config of Scaled lacks "factor"' in str(error.value)


@pytest.mark.parametrize(
    ("default", "config", "passed"),
    [
        ("=1", BASE, ""),  # always the default
        ("", 'return {**super().get_config(), "factor": self.factor}', "3"),
        ("", "return dict(super().get_config(), factor=self.factor)", "3"),
        ("", "return {**super().get_config(), **self.options}", "3"),
        ("", "return {**super().get_config(), **vars(self)}", "3"),
        ("", "return {k: getattr(self, k) for k in KEYS}", "3"),
    ],
)
def test_a_config_that_holds_it_or_may_hold_it_is_accepted(
    write, default, config, passed
):
    text = LAYER.format(default=default, config=config, passed=passed)
    Path("mine.py").write_text(text)
    check_layers("mine:build")
