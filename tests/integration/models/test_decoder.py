"""The light decoder on every backbone: its output, and what it refuses."""

from __future__ import annotations

import keras
import pytest

from pipeline.core.errors import UserError
from pipeline.models import registry
from pipeline.models.decoder import BACKBONES
from pipeline.tune.params import TuneParams
from pipeline.tune.space import space_config
from tests.helpers.cases import chosen
from tests.helpers.models_cases import spec

MASKS = spec((16, 16, 3), task="segmentation")
SMALL = {"width": 0.25, "depth": 0.34, "channels": 8}


@pytest.mark.parametrize(
    "family", chosen([f for f in BACKBONES if f != "pretrained"], ["resnet"])
)
def test_it_returns_logits_in_the_size_of_the_image(family):
    model = registry.build("decoder", {**SMALL, "family": family}, MASKS, 1)
    assert model.output_shape == (None, 16, 16, 3)
    assert model.layers[-1].name == "logits"
    names = {layer.name for layer in model.layers}
    assert "deepest" in names and "pool" not in names


def test_the_stride_cuts_the_backbone():
    shallow, deep = (
        registry.build("decoder", {**SMALL, "family": "resnet", "stride": s}, MASKS, 1)
        for s in (4, 8)
    )
    assert shallow.count_params() <= deep.count_params()
    smallest = min(
        layer.output.shape[1]
        for layer in shallow.layers
        if len(keras.tree.flatten(layer.output)[0].shape) == 4
    )
    assert smallest == 4


def test_an_unknown_family_and_odd_images_are_refused():
    with pytest.raises(UserError, match='no "resnett".*did you mean "resnet"'):
        registry.build("decoder", {"family": "resnett"}, MASKS, 1)
    odd = spec((15, 15, 3), task="segmentation")
    with pytest.raises(UserError, match="even height and width"):
        registry.build("decoder", {}, odd, 1)


CHOSEN = {"family": "resnet", "stem_strides": 2, "channels": 8}


@pytest.mark.parametrize("key", ["fix", "values"])
def test_hyperparameters_of_the_chosen_family_can_be_set(key):
    params = TuneParams(builder="decoder", **{key: CHOSEN})
    items = {
        item["config"]["name"]: item["config"]
        for item in space_config(params, MASKS)["space"]
    }
    for name, value in CHOSEN.items():
        assert items[name]["value"] == value


def test_hyperparameters_of_another_family_are_refused():
    params = TuneParams(builder="decoder", fix={"stem_strides": 2})
    with pytest.raises(UserError, match='tune.fix: neither.*has "stem_strides"'):
        space_config(params, MASKS)
