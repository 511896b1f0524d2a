"""Limits that a model cannot keep are found before any fine-tuning."""

from __future__ import annotations

from types import SimpleNamespace

import keras
import pytest

from pipeline.compress.grammar import parse_recipe
from pipeline.compress.limits_check import unreachable
from pipeline.compress.params import CompressParams
from pipeline.compress.variant import Variant
from pipeline.models.files import save_model

# 8 x 8 pixels, 4 channels of them, 10 x 3 weights and biases.
ACTIVATIONS, WEIGHTS = 8 * 8 + 8 * 8 * 4, 4 * 9 + 4 + 256 * 3 + 3
ROUNDED = 16 * -(-ACTIVATIONS // 16)


@pytest.fixture(scope="module")
def context(tmp_path_factory) -> SimpleNamespace:
    image = keras.Input((8, 8, 1), name="image")
    x = keras.layers.Conv2D(4, 3, padding="same", name="conv")(image)
    x = keras.layers.BatchNormalization(name="normal")(x)
    x = keras.layers.Flatten(name="flat")(x)
    model = keras.Model(image, keras.layers.Dense(3, name="logits")(x), name="net")
    path = tmp_path_factory.mktemp("models") / "baseline.keras"
    save_model(model, path)
    return SimpleNamespace(models={"baseline": path})


def sentences(context, *recipes: str, **budget) -> list[str]:
    target = budget.pop("target", "lite")
    params = CompressParams(
        recipes=list(recipes), sources=["baseline"], budget=budget, target=target
    )
    variants = [Variant("baseline", parse_recipe(recipe)) for recipe in recipes]
    return unreachable(variants, context, params)


def test_activations_above_the_arena_are_named(context):
    (sentence,) = sentences(context, "int8", "qat", max_arena=ROUNDED - 1)
    assert sentence.startswith(
        f"compress.budget.max_arena {ROUNDED - 1}: activations of the baseline take "
        f"at least {ROUNDED} bytes in 2 files without prune_channels"
    )
    assert not sentences(context, "int8", "qat", max_arena=ROUNDED)
    assert len(sentences(context, "int16x8", max_arena=ROUNDED)) == 1


def test_weights_above_the_flash_are_named(context):
    (sentence,) = sentences(context, "int8", "float", max_bytes=WEIGHTS - 1)
    assert f"the {WEIGHTS} weights of the baseline take at least {WEIGHTS}" in sentence
    assert "2 files" in sentence
    assert not sentences(context, "int8", max_bytes=WEIGHTS)
    assert len(sentences(context, "float", max_bytes=WEIGHTS)) == 1


def test_recipes_that_remove_channels_may_keep_every_limit(context):
    recipe = "prune_channels(0.5) | int8"
    assert not sentences(context, recipe, max_bytes=1, max_arena=1)


@pytest.mark.parametrize(
    "compressed", [{"size_metric": "gzip"}, {"target": "ethos-u55-128"}]
)
def test_compressed_sizes_have_no_bound(context, compressed):
    assert not sentences(context, "int8", max_bytes=1, **compressed)


def test_lookup_tables_have_at_least_a_bit_per_weight(context):
    recipe = "quantize_weights(2) | cqat"
    few = {"target": "micro", "max_bytes": WEIGHTS // 8 + 1}
    assert not sentences(context, recipe, **few)
    assert sentences(context, recipe, target="micro", max_bytes=WEIGHTS // 8 - 1)


def test_a_model_that_cannot_be_read_is_left_to_the_variants(tmp_path):
    (tmp_path / "model.keras").write_text("no model")
    context = SimpleNamespace(models={"baseline": tmp_path / "model.keras"})
    assert not sentences(context, "int8", max_bytes=1, max_arena=1)
