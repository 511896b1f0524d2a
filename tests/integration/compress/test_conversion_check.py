"""Models of users, converted before any stage: notes, or an error with the layer."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import keras
import pytest

from pipeline.compress.conversion_check import ConversionParams, run
from pipeline.core.errors import UserError
from pipeline.core.user_modules import announce

MODULE = """
import keras
from keras import layers, ops

class Own(layers.Layer):
    def __init__(self, factor=1.0, **options):
        super().__init__(**options)
        self.factor = factor

    def call(self, x):
        return {call}

    def get_config(self):
        return {{**super().get_config(), **{{k: getattr(self, k) for k in {keys}}}}}

def build(hp, spec):
    x = keras.Input(spec.shape, name="x")
    y = layers.Dense(4, activation="relu", name="first")(x)
    y = Own(3.0, name="own")(y)
    return keras.Model(x, layers.Dense(len(spec.classes), name="logits")(y))
"""
MULTIPLY = "self.factor * x"
FUNCTION = 'getattr(ops, "er" + "finv")(ops.tanh(x) * 0.5)'


@pytest.fixture
def check(tmp_path, monkeypatch, request):
    """Check a model whose layer computes `call` and has `keys` in its config."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    name = f"models_of_{request.node.name.partition('[')[0]}"
    before = dict(keras.saving.get_custom_objects())

    def checked(call: str, keys: tuple[str, ...], **values: Any) -> list[str]:
        Path(f"{name}.py").write_text(MODULE.format(call=call, keys=keys))
        announce([name])
        tried: list[str] = []
        params = ConversionParams(
            builder=f"{name}:build", shape=[6], classes=["a", "b"], **values
        )
        notes = run(params, SimpleNamespace(progress=tried.append), tmp_path)["notes"]
        assert notes or tried == ["float", *params.exports]
        return list(notes)

    monkeypatch.setenv("PIPELINE_USER_MODULES", "")
    yield checked
    sys.modules.pop(name, None)
    keras.saving.get_custom_objects().clear()
    keras.saving.get_custom_objects().update(before)


def test_a_layer_that_can_be_read_back_and_exported_has_no_note(check):
    assert check(MULTIPLY, ("factor",), modality="table", exports=["int8"]) == []


def test_an_argument_that_is_lost_in_silence_is_named_with_its_layer(check):
    with pytest.raises(UserError) as error:
        check(MULTIPLY, (), modality="table")
    assert 'first in layer "own" (Own)' in str(error.value)
    assert "get_config with every argument" in str(error.value)


@pytest.mark.slow
def test_a_function_without_an_operator_is_an_error(check):
    with pytest.raises(UserError, match=r"no .tflite file can be made"):
        check(FUNCTION, ("factor",), modality="table")


def test_a_builder_that_fails_for_a_look_is_a_note(check):
    (note,) = check("1 / 0", ("factor",), modality="table")
    assert note.startswith("building a model for a look failed")
