"""Recipes: what they mean, and what is said of those that mean nothing."""

from __future__ import annotations

import pytest

from pipeline.compress.grammar import GRAMMAR, RENAMED_STEPS, parse_recipe, seed_text
from pipeline.core.errors import UserError


@pytest.mark.parametrize(
    ("text", "canonical", "slug", "export"),
    [
        ("float", "float", "float", "float"),
        (" int8 ", "int8", "int8", "int8"),
        ("dynamic", "dynamic", "dynamic", "dynamic"),
        ("float16", "float16", "float16", "float16"),
        ("qat", "qat", "qat", "int8"),
        ("qat | int8", "qat", "qat", "int8"),
        ("prune(0.5)", "prune(0.5)", "prune0.5", "float"),
        ("prune(0.5)|float", "prune(0.5)", "prune0.5", "float"),
        ("prune(0.60) | int8", "prune(0.6) | int8", "prune0.6-int8", "int8"),
        ("prune(sparsity=0.6)|pqat", "prune(0.6) | pqat", "prune0.6-pqat", "int8"),
        ("prune(0.6) | pqat | int8", "prune(0.6) | pqat", "prune0.6-pqat", "int8"),
        ("prune(0.6) | dynamic", "prune(0.6) | dynamic", "prune0.6-dynamic", "dynamic"),
        ("prune(0.5, free, gradual)", "prune(0.5)", "prune0.5", "float"),
        (
            "prune(0.5, two_of_four) | int8",
            "prune(0.5, two_of_four) | int8",
            "prune0.5_two_of_four-int8",
            "int8",
        ),
        (
            "prune(0.6, schedule=constant)",
            "prune(0.6, free, constant)",
            "prune0.6_free_constant",
            "float",
        ),
        ("cluster(16)", "cluster(16)", "cluster16", "float"),
        ("cluster(8) | cqat", "cluster(8) | cqat", "cluster8-cqat", "int8"),
        (
            "quantize_weights(3, inner) | cqat",
            "quantize_weights(3) | cqat",
            "quantize_weights3-cqat",
            "int8",
        ),
        (
            "quantize_weights(3, all)",
            "quantize_weights(3, all)",
            "quantize_weights3_all",
            "float",
        ),
        (
            "prune_channels(0.5) | prune(0.6) | cluster(16) | pcqat | int8",
            "prune_channels(0.5) | prune(0.6) | cluster(16) | pcqat",
            "prune_channels0.5-prune0.6-cluster16-pcqat",
            "int8",
        ),
        (
            "prune_channels(0.5) | int16x8",
            "prune_channels(0.5) | int16x8",
            "prune_channels0.5-int16x8",
            None,
        ),
        ("binary", "binary", "binary", "int8"),
        ("binary | float", "binary | float", "binary-float", "float"),
        ("int4", "int4", "int4", "int4"),
        ("equalize", "equalize | int8", "equalize-int8", "int8"),
        (
            "equalize(ranges=activations) | correct_bias | int8",
            "equalize(activations) | correct_bias | int8",
            "equalize_activations-correct_bias-int8",
            "int8",
        ),
        (
            "prune(0.5) | calibrate_percentile(percentile=99.9)",
            "prune(0.5) | calibrate_percentile(99.9) | int8",
            "prune0.5-calibrate_percentile99.9-int8",
            "int8",
        ),
        ("equalize | int16x8", "equalize | int16x8", "equalize-int16x8", "int16x8"),
        (
            'keep_float("conv-1") | keep_float(dense)',
            'keep_float("conv-1") | keep_float(dense) | int8',
            "keep_float_conv-1_-keep_float_dense-int8",
            "int8",
        ),
    ],
)
def test_a_recipe_has_one_text_one_file_name_and_one_export(
    text, canonical, slug, export
):
    recipe = parse_recipe(text)
    assert (recipe.text, recipe.slug) == (canonical, slug)
    assert recipe.export == (export or text.rpartition("| ")[2])
    assert parse_recipe(recipe.text) == recipe


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ["no step", "prune"]),
        ("int9", ['step 1 of "int9"', '"int8"']),
        ("prune(0.6) | pqt", ["step 2", '"pqat"']),
        ("prune", ["prune needs sparsity"]),
        ("prune(1.5)", ["sparsity=1.5", "from 0.05 to 0.98"]),
        ("prune(0)", ["sparsity=0.0", "from 0.05"]),
        ("int8 | qat", ["step 1", "int8 writes the file", "last of the 2 steps"]),
        ("int8 | float", ["step 1", "last"]),
        ("int8 | int8", ["step 1", "last"]),
        ("qat | qat", ["step 2", "qat is already step 1"]),
        ("prune(0.5) | prune(0.6)", ["step 2", "already step 1"]),
        ("prune(0.5) | qat", ["step 2", "lose the zeros", "write pqat"]),
        ("pqat", ["step 1", "no prune comes before", "write qat"]),
        ("qat | pqat", ["step 2", "no prune"]),
        ("qat | prune(0.5)", ["step 2", "cannot follow qat"]),
        ("prune(0.5) | pqat | qat", ["step 3", "write pqat"]),
        ("qat | float", ["step 2", "float cannot follow qat", "write int8"]),
        ("prune(0.5, 2:4)", ["unreadable arguments"]),
        ("prune(0.6, two_of_four)", ["step 1", "prune(0.5, two_of_four)"]),
        ("prune(0.6, blocks)", ["structure='blocks'", "two_of_four or block"]),
        ("cluster(1)", ["n=1", "from 2 to 128"]),
        ("cluster(8) | qat", ["step 2", "lose the clusters", "write cqat"]),
        ("cluster(8) | pqat", ["step 2", "no prune", "write cqat"]),
        ("cqat", ["step 1", "no cluster comes before", "write qat"]),
        ("prune(0.5) | pcqat", ["step 2", "no cluster", "write pqat"]),
        ("prune(0.5) | cluster(8) | pqat", ["step 3", "write pcqat"]),
        ("cluster(8) | prune(0.5)", ["step 2", "prune before cluster"]),
        (
            "prune(0.5) | prune_channels(0.5)",
            ["step 2", "comes first", "not after prune"],
        ),
        ("binary | qat", ["step 2", "qat and binary exclude each other"]),
        ("cluster(8) | binary", ["step 2", "binary and cluster exclude"]),
        (
            "quantize_weights(3) | binary",
            ["step 2", "binary and quantize_weights exclude"],
        ),
        (
            "quantize_weights(3) | cluster(8)",
            ["step 2", "quantize_weights exclude each other"],
        ),
        (
            "quantize_weights(3) | prune(0.5)",
            ["step 2", "prune before quantize_weights"],
        ),
        (
            "quantize_weights(3) | qat",
            ["step 2", "clusters that quantize_weights made", "write cqat"],
        ),
        ("prune(0.5) | quantize_weights(3) | cqat", ["step 3", "zeros", "write pcqat"]),
        ("quantize_weights(1) | cqat", ["n=1", "from 2 to 7"]),
        ("prune(0.5) | pqat | dynamic", ["step 3", "dynamic cannot follow pqat"]),
        ("equalize | prune(0.5)", ["step 2", "prune trains", "before equalize"]),
        ("correct_bias | equalize", ["step 2", "equalize", "before correct_bias"]),
        ("cluster(8) | equalize", ["step 2", "distinct weights that cluster leaves"]),
        ("qat | correct_bias", ["step 2", "correct_bias cannot follow qat"]),
        ("equalize | float", ["step 2", "float cannot follow equalize", "write int8"]),
        ("calibrate_mse | int16x8", ["step 2", "cannot follow calibrate_mse"]),
        ("calibrate_mse | calibrate_percentile(99)", ["step 2", "exclude each other"]),
        ("keep_float(a) | int16_activations(a)", ["step 2", "the layer a again"]),
        ("calibrate_percentile(50)", ["percentile=50.0", "from 90 to 100"]),
    ],
)
def test_a_senseless_recipe_is_refused_with_its_step_and_what_to_write(text, words):
    with pytest.raises(UserError) as caught:
        parse_recipe(text)
    for word in words:
        assert word in str(caught.value)


def test_every_step_says_what_it_does():
    assert all(signature.summary for signature in GRAMMAR.values())


@pytest.mark.parametrize("old", RENAMED_STEPS)
def test_an_old_step_is_one_error_that_names_the_new_one(old):
    with pytest.raises(UserError) as caught:
        parse_recipe(f"int8 | {old}(0.5)")
    assert str(caught.value) == (
        f'step 2 of "int8 | {old}(0.5)": `{old}` has been renamed to '
        f"`{RENAMED_STEPS[old]}`; use that"
    )


def test_seeds_are_derived_from_the_first_names_of_the_steps():
    """With the new names, published numbers would not be reproduced."""
    recipe = parse_recipe(
        "prune_channels(0.35) | prune(0.5) | quantize_weights(2, all) | pcqat"
    )
    text = "filters(0.35) | prune(0.5) | bits(2, all) | pcqat"
    assert seed_text(recipe.techniques) == text
    assert seed_text(recipe.techniques[:1]) == "filters(0.35)"
