"""The examples of docs/adding.md run, and do what their docstrings say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.data.params import DataParams
from pipeline.data.sources.reader import ReadContext
from tests.helpers.docs_pages import EXAMPLE, ROOT
from tests.helpers.models_cases import spec

EXAMPLES = dict(EXAMPLE.findall((ROOT / "docs/adding.md").read_text()))


def run(example: str) -> dict[str, Any]:
    """The names that an example defines."""
    names: dict[str, Any] = {}
    exec(compile(EXAMPLES[example], f"docs/adding.md: {example}", "exec"), names)
    return names


def test_every_part_has_an_example():
    assert set(EXAMPLES) == {"builder", "source", "policy step", "recipe step"}


def test_builder_is_found_by_its_name_and_makes_a_model(own_modules: Path):
    from pipeline.models import registry

    (own_modules / "my_models.py").write_text(EXAMPLES["builder"])
    data = spec((8, 8, 1))
    model = registry.build("my_models:build", {"filters": 8}, data, seed=1)
    assert model.output_shape == (None, len(data.classes))
    assert model.get_layer("conv").filters == 8


def test_source_returns_examples_of_two_classes(tmp_path):
    params = DataParams.model_construct(source="stripes:6")
    context = ReadContext(params, tmp_path, source=params.source)
    examples = run("source")["read"](context)
    assert len(examples) == 6 and examples.x.shape == (6, 8, 8, 1)
    horizontal, vertical = (examples.x[number, ..., 0] for number in (0, 1))
    assert (horizontal == horizontal[:, :1]).all() and np.ptp(horizontal) == 255
    assert (vertical == vertical[:1]).all() and np.ptp(vertical) == 255


def test_policy_step_inverts_images_with_its_probability(monkeypatch):
    import tensorflow as tf

    from pipeline.augment import grammar, pixels
    from pipeline.augment.policy import Policy

    for table in (grammar.GRAMMAR, grammar.MODALITIES, pixels.PIXEL_STEPS):
        monkeypatch.setitem(table, "invert", None)  # removed at the end
    run("policy step")
    x = tf.zeros((400, 4, 4, 1))
    y = Policy("invert(0.25)", 1)(x, tf.constant(0), tf.range(400)).numpy()
    assert set(np.unique(y)) == {0.0, 1.0}
    assert 0.15 < y[:, 0, 0, 0].mean() < 0.35


def test_recipe_step_rounds_weights(monkeypatch):
    from pipeline.compress import grammar
    from pipeline.compress.tfmot import techniques

    for table in (grammar.GRAMMAR, grammar.TECHNIQUES, techniques.TECHNIQUES):
        monkeypatch.setitem(table, "round_weights", None)  # removed at the end
    run("recipe step")
    (step,) = grammar.parse_recipe("round_weights(2)").techniques
    layers = techniques.tf_keras.layers
    model = techniques.tf_keras.Sequential([layers.Dense(3, input_shape=(4,))])
    fits: list[Any] = []
    result = techniques.apply(step, model, lambda model, callbacks: fits.append(model))
    kernel = result.get_weights()[0]
    assert fits == [model] and np.ptp(kernel) > 0
    assert kernel == pytest.approx(np.round(kernel, 2))
