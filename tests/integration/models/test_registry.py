"""Builders: named layers, logits, hyperparameters, fit to the task."""

from __future__ import annotations

import keras
import pytest
from keras_tuner import HyperParameters

from pipeline.core.errors import UserError
from pipeline.data.spec import TaskSpec
from pipeline.models import registry

SPEC = TaskSpec("x", "x:x", (8, 8, 1), "uint8", ("a", "b", "c"))


def test_the_cnn_defaults_are_conv_32_conv_64_dense_64():
    model = registry.build("cnn", {}, SPEC, 1)
    assert model.get_layer("conv1").filters == 32
    assert model.get_layer("conv2").filters == 64
    assert model.get_layer("dense").units == 64


def test_width_scales_every_hidden_layer():
    model = registry.build("cnn", {"width": 0.25}, SPEC, 1)
    widths = [model.get_layer(f"conv{n}").filters for n in (1, 2)]
    assert widths == [8, 16]
    assert model.get_layer("dense").units == 16
    assert (
        registry.build("cnn", {"width": 0.001}, SPEC, 1).get_layer("dense").units == 1
    )


def test_a_builder_declares_its_own_search_space():
    hp = HyperParameters()
    registry.declare("cnn", hp, SPEC)
    assert {item.name for item in hp.space} >= {"filters", "dense", "dropout"}


def test_an_unknown_builder_names_the_nearest():
    with pytest.raises(UserError, match='no builder "cnnn"; did you mean "cnn"'):
        registry.get("cnnn")


@pytest.mark.parametrize("shape", [(3, 8, 1), (16,), (8, 8)])
def test_a_builder_that_does_not_fit_the_input_says_so(shape):
    spec = TaskSpec("x", "csv:x", shape, "uint8", ("a", "b"))
    with pytest.raises(UserError, match="builder cnn: needs images of at least 4x4"):
        registry.build("cnn", {}, spec, 1)


def test_a_changed_keras_json_changes_no_model():
    keras.config.set_epsilon(1e-3)
    keras.config.set_image_data_format("channels_first")
    registry.get("cnn")
    assert keras.config.epsilon() == 1e-7
    assert keras.config.image_data_format() == "channels_last"
