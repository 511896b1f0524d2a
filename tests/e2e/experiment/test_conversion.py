"""A model that later stages could not use is refused before the data stage."""

from __future__ import annotations

import pytest

MODULE = """
import keras
from keras import layers

class Scaled(layers.Layer):
    def __init__(self, factor=1.0, **options):
        super().__init__(**options)
        self.factor = factor

    def call(self, x):
        return self.factor * x

    def get_config(self):
        return {k: getattr(self, k) for k in ("name",)}

def build(hp, spec):
    x = keras.Input(spec.shape)
    y = layers.Dense(4)(layers.Flatten()(x))
    y = Scaled(3.0, name="scaled")(y)
    return keras.Model(x, layers.Dense(len(spec.classes))(y))
"""
FILE = """data: {source: "sklearn:digits"}
tune: {builder: "net_of_conversion:build"}
distill: {width: 1}
"""
MEMORY = ".conversion.json"


@pytest.fixture
def own(project):
    """A project with an experiment and a builder of the user."""
    (project.folder / "net_of_conversion.py").write_text(MODULE)
    project.write(FILE)
    return project


def test_a_layer_that_loses_an_argument_is_named_before_the_data_stage(own):
    answer = own.cli("run", "small")
    assert answer.code == 2
    assert "error: builder net_of_conversion:build: " in answer.err
    assert 'first in layer "scaled" (Scaled)' in answer.err
    assert not (own.small / "data").exists()
    assert not (own.small / MEMORY).exists()


def test_what_is_not_exported_is_not_converted(own):
    answer = own.cli("run", "small", "data")
    assert answer.code == 0, answer.err
    assert (own.small / "data").exists()
