"""Custom builders: imported, checked, and part of the fingerprint."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pipeline.core.errors import UserError
from pipeline.data.params import DataParams
from pipeline.engine.import_closure import CodeReader
from pipeline.experiment.stages import CHAIN
from pipeline.models import registry
from pipeline.tune.params import TuneParams
from tests.helpers.models_cases import spec
from tests.helpers.project import ROOT

IMAGE = spec((8, 8, 1))
GOOD = """
import keras
from my_helper import UNITS

def build(hp, spec):
    x = image = keras.Input(spec.shape, name="image")
    x = keras.layers.Flatten(name="flatten")(x)
    x = keras.layers.Dense(hp.Int("units", 4, 8, default=UNITS), name="dense")(x)
    return keras.Model(image, keras.layers.Dense(3, name="logits")(x), name="mine")
"""
BODIES = [
    ("return None", "must return a functional or Sequential keras.Model; it returned"),
    ("raise RuntimeError('no luck')", "it raised RuntimeError: no luck (mine"),
    ("return 1 / 0", "ZeroDivisionError"),
    ("raise SystemExit(3)", "it raised SystemExit: 3 (mine"),
    (
        "x = keras.Input((8, 8, 1)); y = keras.layers.Flatten()(x); return "
        "keras.Model(x, keras.layers.Dense(3, activation='sigmoid', name='p')(y))",
        'must end in logits; its last layer, "p", is a sigmoid for each class',
    ),
    ("x = keras.Input((8, 8, 1)); return keras.Model(x, x)", "output of its model"),
    (
        "x = keras.Input((4,)); return keras.Model(x, keras.layers.Dense(3)(x))",
        "the input of its model is (None, 4); toy:toy needs (None, 8, 8, 1)",
    ),
]


TAKEN = {
    "Sequential": "return keras.Sequential([keras.layers.Flatten(), "
    "keras.layers.Dense(3)])",
    "softmax": "return keras.Sequential([keras.Input((8, 8, 1)), "
    "keras.layers.Flatten(), keras.layers.Dense(3, activation='softmax')])",
    "softmax layer": "x = keras.Input((8, 8, 1)); y = keras.layers.Flatten()(x); "
    "y = keras.layers.Dense(3)(y); "
    "return keras.Model(x, keras.layers.Softmax()(y))",
    "softmax as activation": "x = keras.Input((8, 8, 1)); "
    "y = keras.layers.Flatten()(x); return keras.Model(x, keras.layers.Dense(3, "
    "activation=keras.layers.Softmax())(y))",
}


@pytest.fixture
def here(own_modules) -> Path:
    """The user's working directory."""
    (own_modules / "my_helper.py").write_text("UNITS = 5\n")
    return own_modules


def test_it_is_built_and_is_its_own_search_space(here):
    (here / "mine.py").write_text(GOOD)
    assert registry.build("mine:build", {}, IMAGE, 1).get_layer("dense").units == 5
    model = registry.build("mine:build", {"units": 7}, IMAGE, 1)
    assert model.get_layer("dense").units == 7


@pytest.mark.parametrize(("body", "message"), BODIES)
def test_its_model_is_checked(here, body, message):
    (here / "mine_bad.py").write_text(f"import keras\ndef build(hp, spec): {body}\n")
    with pytest.raises(UserError) as caught:
        registry.build("mine_bad:build", {}, IMAGE, 1)
    assert "builder mine_bad:build" in str(caught.value)
    assert message in str(caught.value)


def test_a_module_that_cannot_be_imported_and_a_function_that_is_not_there(here):
    (here / "mine_broken.py").write_text("import no_such_library\n")
    with pytest.raises(UserError, match="importing it fails: ModuleNotFoundError"):
        registry.get("mine_broken:build")
    (here / "mine.py").write_text(GOOD)
    with pytest.raises(UserError, match="no function make in .*mine.py"):
        registry.get("mine:make")


def test_its_module_and_what_it_imports_are_part_of_the_fingerprint(here):
    (here / "mine.py").write_text(GOOD)
    stage = next(stage for stage in CHAIN if stage.name == "tune")
    data = DataParams(source="sklearn:digits")
    modules = stage.code({"data": data, "tune": TuneParams(builder="mine:build")})
    before = CodeReader(ROOT, also=(here,)).closure(modules)
    own = {name for name in before if not name.startswith("pipeline")}
    assert own == {"mine", "my_helper"}
    (here / "my_helper.py").write_text("UNITS = 6\n")
    after = CodeReader(ROOT, also=(here,)).closure(modules)
    assert before["my_helper"] != after["my_helper"]
    assert before["mine"] == after["mine"]


@pytest.mark.parametrize("body", TAKEN.values(), ids=TAKEN)
def test_a_sequential_model_and_a_softmax_are_taken_as_logits(here, body):
    (here / "mine.py").write_text(f"import keras\n\ndef build(hp, spec):\n    {body}\n")
    model = registry.build("mine:build", {}, IMAGE, 1)
    assert type(model).__name__ == "Functional"
    outputs = np.asarray(model(np.ones((2, 8, 8, 1), "float32") * 9))
    assert np.abs(outputs.sum(axis=1) - 1).max() > 1e-3  # logits


def test_a_sigmoid_for_two_classes_becomes_two_logits(here):
    layers = "keras.layers.Flatten(), keras.layers.Dense(1, 'sigmoid')"
    body = f"return keras.Sequential([{layers}])"
    (here / "mine.py").write_text(f"import keras\n\ndef build(hp, spec):\n    {body}\n")
    two = replace(IMAGE, classes=("a", "b"))
    assert registry.build("mine:build", {}, two, 1).output_shape == (None, 2)
