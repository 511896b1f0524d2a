"""Recipes: what they mean, and what is said of those that mean nothing."""

from __future__ import annotations

import pytest

from pipeline.compress.grammar import GRAMMAR, parse_recipe
from pipeline.engine.errors import UserError


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
    ],
)
def test_a_recipe_has_one_text_one_file_name_and_one_export(
    text, canonical, slug, export
):
    recipe = parse_recipe(text)
    assert (recipe.text, recipe.slug, recipe.export) == (canonical, slug, export)
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
        ("prune(0.5) | pqat | dynamic", ["step 3", "dynamic cannot follow pqat"]),
    ],
)
def test_a_senseless_recipe_is_refused_with_its_step_and_what_to_write(text, words):
    with pytest.raises(UserError) as caught:
        parse_recipe(text)
    for word in words:
        assert word in str(caught.value)


def test_every_step_says_what_it_does():
    assert all(signature.summary for signature in GRAMMAR.values())
