"""The light decoder on every backbone: its output, and what it refuses."""

from __future__ import annotations

import keras
import pytest

from pipeline.core.errors import UserError
from pipeline.models import registry
from pipeline.models.decoder import BACKBONES
from pipeline.tune.params import TuneParams
from pipeline.tune.space import defaults, space_config
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


@pytest.mark.parametrize("name", chosen(["fix", "values"], ["fix"]))
def test_the_family_of_the_backbone_decides_what_can_be_set(name):
    entry = {"family": "resnet", "stem_strides": 2}
    params = TuneParams(builder="decoder", **{name: entry})
    assert defaults(space_config(params, MASKS))["stem_strides"] == 2
    entry["family"] = "mobilenet_v1"
    with pytest.raises(UserError, match='has "stem_strides"|has no "stem_strides"'):
        space_config(TuneParams(builder="decoder", **{name: entry}), MASKS)
    entry["family"] = "restnet"
    with pytest.raises(UserError, match='no "restnet"|"stem_strides"'):
        space_config(TuneParams(builder="decoder", **{name: entry}), MASKS)
