"""Targets: which exist, and what they refuse before any training."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from pipeline.compress.params import CompressParams
from pipeline.compress.targets import registry
from pipeline.compress.targets.registry import TARGETS
from pipeline.core.errors import UserError


def test_the_default_needs_no_optional_package():
    target = registry.get(CompressParams().target)
    assert (target.name, target.installed, target.version) == ("lite", True, "")
    assert CompressParams().budget.size_metric == "flash"


def test_an_unknown_target_is_refused_with_the_nearest_name():
    with pytest.raises(UserError, match='no target "mirco".*"micro".*there are: lite'):
        registry.get("mirco")
    with pytest.raises(ValidationError, match="ethos-u55-128"):
        CompressParams(target="ethos-u55-129")


@pytest.mark.parametrize("name", [name for name in TARGETS if name != "lite"])
@pytest.mark.parametrize("recipe", ["dynamic", "float16", "int4"])
def test_a_recipe_that_the_target_does_not_run_is_refused(name, recipe):
    words = f'recipe "{recipe}": target {name} does not run {recipe} files: it'
    with pytest.raises(ValidationError, match=words):
        CompressParams(target=name, recipes=["int8", recipe])
    assert CompressParams(target=name, recipes=["int8", "qat"]).target == name


def test_lite_runs_every_recipe():
    recipes = ["int8", "dynamic", "float16", "int4", "int16x8"]
    assert CompressParams(recipes=recipes).recipes == recipes
