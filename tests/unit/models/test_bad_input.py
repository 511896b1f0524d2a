"""Invalid input about models: one clear message each."""

from __future__ import annotations

import pytest
from keras_tuner import HyperParameters
from pydantic import ValidationError

from pipeline.core.errors import UserError
from pipeline.models import registry
from pipeline.models.catalogue import BUILDER_MODULES
from pipeline.models.errors import error_prefix
from pipeline.tune.params import TuneParams
from tests.helpers import models_cases as cases
from tests.helpers.cases import chosen
from tests.helpers.models_cases import SPECS, spec

IMAGE = spec((8, 8, 1))


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("resnit", ['no builder "resnit"', 'mean "resnet"', "module:function"]),
        ("resnet:mlperf", ['no preset "mlperf"', 'mean "mlperf_tiny"']),
        ("resnet:", ['no preset ""', "there are: mlperf_tiny"]),
        ("cnn:tiny", ['no preset "tiny"', "it has none"]),
        ("my.models:build", ["module:function", "my/models.py is not in"]),
        ("resnit:mlperf_tiny", ['mean "resnet"']),
        ("", ['no builder ""']),
        ("../up:build", ['no builder "../up:build"']),
    ],
)
def test_a_builder_that_does_not_exist(name, parts):
    with pytest.raises(ValidationError) as caught:
        TuneParams(builder=name)
    for part in parts:
        assert part in str(caught.value)


@pytest.mark.parametrize(
    ("values", "parts"),
    [
        ({"filter": 8}, ['builder resnet has no "filter"', 'mean "filters"']),
        ({"width": -1.0}, ["values.width", "more than 0", "-1.0"]),
        ({"width": 0}, ["values.width", "more than 0"]),
        ({"depth": "two"}, ["values.depth", "a number", "'two'"]),
        ({"filters": -4}, ["values.filters", "at least 1", "-4"]),
        ({"filters": 2.5}, ["values.filters", "a whole number", "2.5"]),
        ({"bias": 1}, ["values.bias", "true or false"]),
        ({"activation": "rellu"}, ["values.activation", 'mean "relu"']),
        ({"activation": ["relu", 3]}, ["values.activation", "a string", "3"]),
        ({"initializer": "he"}, ["values.initializer", "he_normal"]),
        ({"normalization": "bach"}, ["values.normalization", 'mean "batch"']),
        ({"dropout": 1.5}, ["values.dropout", "at most 0.95", "1.5"]),
        ({"l2": -0.1}, ["values.l2", "at least 0", "-0.1"]),
    ],
)
def test_a_value_that_the_builder_does_not_know(values, parts):
    with pytest.raises(UserError) as caught:
        registry.declare("resnet", HyperParameters(), IMAGE, values)
    for part in parts:
        assert part in str(caught.value)


@pytest.mark.parametrize("stage", ["tune", "distill"])
@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("resnet", {"activation": "nope"}, '{}.values.activation: no "nope"'),
        ("resnet", {"filter": 8}, '{}.values: builder resnet has no "filter"'),
        ("resnet", {"stem_strides": 3}, "{}.values.stem_strides: must be 1 or 2"),
        ("unet", {}, "{}.builder unet: needs images"),
        ("ensemble", {}, "{}.values.members: an ensemble needs two"),
        ("pretrained", {"weights": "x"}, '{}.values.weights: no "x"'),
        (
            "pretrained",
            {"backbone": "no.keras"},
            "{}.values.backbone: no.keras: there is no such",
        ),
    ],
)
def test_the_caller_adds_the_stage_to_the_message(stage, name, values, message):
    with pytest.raises(UserError) as caught, error_prefix(f"{stage}."):
        registry.declare(name, HyperParameters(), IMAGE, values)
    assert str(caught.value).startswith(message.format(stage))
    assert str(caught.value).count(f"{stage}.") == 1


def test_a_value_is_fixed_and_a_list_is_searched():
    hp = HyperParameters()
    values = {"filters": 24, "activation": ["relu", "tanh"]}
    registry.declare("resnet", hp, IMAGE, values)
    kinds = {item.name: type(item).__name__ for item in hp.space}
    assert hp.values["filters"] == 24
    assert kinds["filters"] == "Fixed" and kinds["activation"] == "Choice"


REFUSED = [
    ("cnn", (8,), "images of at least 4x4"),
    ("resnet", (4, 4, 1), "images of at least 8x8"),
    ("text_cnn", (8, 8, 1), "tokens (length,) of a vocabulary"),
    ("lstm", (8, 8, 3), "sequences"),
    ("unet", (8, 8, 1), "outputs class_map"),
    ("autoencoder", (8,), "outputs input"),
    ("two_tower", (8,), "pairs (user, item)"),
    ("pretrained", (4, 4, 3), "at least 8x8"),
]


@pytest.mark.parametrize(("name", "shape", "needs"), REFUSED)
def test_a_family_names_the_input_it_needs(name, shape, needs):
    with pytest.raises(UserError) as caught:
        registry.build(name, {}, spec(shape), 1)
    for part in (f"builder {name}: needs", needs, str(shape), "choose another builder"):
        assert part in str(caught.value)


@pytest.mark.parametrize("data", SPECS, ids=lambda data: f"{data.task} {data.shape}")
@pytest.mark.parametrize("name", chosen(BUILDER_MODULES, 6))
def test_any_family_takes_any_data_or_explains_why_not(name, data):
    refusal = None
    try:
        cases.build(name, data)
    except UserError as error:
        refusal = str(error)
    assert refusal is None or "needs" in refusal or "cannot take" in refusal
