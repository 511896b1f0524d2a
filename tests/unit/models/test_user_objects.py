"""Layers and functions of the user's modules, read from .keras files."""

from __future__ import annotations

import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from pipeline.core.user_modules import ANNOUNCED, announce, import_announced
from pipeline.models.errors import ModelError
from pipeline.models.files import load_model, save_model

MODULE = """
import keras

class Twice(keras.layers.Layer):
    def call(self, x):
        return 2 * x

class Dense(keras.layers.Layer):
    pass

def halved(x):
    return x / 2
"""
NAME = "layers_of_a_user"


@pytest.fixture
def saved(tmp_path, monkeypatch):
    """A model with a layer and a function of a module that was forgotten again."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(ANNOUNCED, "")
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    Path(f"{NAME}.py").write_text(MODULE)
    announce([NAME, "pipeline.models.cnn"])
    (module,) = import_announced()
    x = keras.Input((3,))
    y = keras.layers.Dense(2, activation=module.halved)(module.Twice()(x))
    model = keras.Model(x, y)
    save_model(model, tmp_path / "model.keras")
    del sys.modules[NAME]
    before = dict(keras.saving.get_custom_objects())
    yield model
    sys.modules.pop(NAME, None)
    keras.saving.get_custom_objects().clear()
    keras.saving.get_custom_objects().update(before)


def test_a_model_with_objects_that_are_not_registered_is_read(saved):
    x = np.ones((1, 3), np.float32)
    loaded = load_model(Path("model.keras"))
    assert np.array_equal(np.asarray(saved(x)), np.asarray(loaded(x)))


def test_without_their_module_the_layer_is_named(saved):
    announce([])
    with pytest.raises(ModelError, match=rf"\(Twice\) is of a class from {NAME}"):
        load_model(Path("model.keras"))


def test_a_module_goes_before_a_namesake_of_another_module(saved, monkeypatch):
    class Twice(keras.layers.Layer):
        def __init__(self, missing, **options):
            super().__init__(**options)

    monkeypatch.setitem(keras.saving.get_custom_objects(), "Twice", Twice)
    x = np.ones((1, 3), np.float32)
    loaded = load_model(Path("model.keras"))
    assert np.array_equal(np.asarray(saved(x)), np.asarray(loaded(x)))
