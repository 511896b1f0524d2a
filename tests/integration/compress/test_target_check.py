"""What a target cannot run is found before any fine-tuning."""

from __future__ import annotations

from types import SimpleNamespace

import keras
import pytest

from pipeline.compress.grammar import parse_recipe
from pipeline.compress.target_check import refusals
from pipeline.compress.targets import registry
from pipeline.compress.variant import Variant
from pipeline.engine.workers.pool import Outcome
from pipeline.models.files import save_model
from tests.helpers.compress_fixtures import SPEC, corners

needs_runtime = pytest.mark.skipif(
    not registry.get("micro").installed, reason="tflite-micro is not installed"
)


class Here:
    """A pool that runs its tasks at once, in this process."""

    def __init__(self) -> None:
        self.outcomes: list[Outcome] = []

    def submit(self, key, function, *args) -> None:
        self.outcomes.append(Outcome(key, function(*args)))

    def drain(self):
        yield from self.outcomes


@pytest.fixture(scope="module")
def context(tmp_path_factory) -> SimpleNamespace:
    """A baseline with GELU, which the micro runtime lacks, and a student without."""
    folder, models = tmp_path_factory.mktemp("models"), {}
    for source, activation in (("baseline", "gelu"), ("student", "relu")):
        image = keras.Input((8, 8, 1), name="image")
        x = keras.layers.Flatten(name="flat")(image)
        x = keras.layers.Dense(4, activation=activation, name="hidden")(x)
        model = keras.Model(image, keras.layers.Dense(3, name="logits")(x), name="net")
        models[source] = folder / f"{source}.keras"
        save_model(model, models[source])
    data = SimpleNamespace(spec=SPEC, calibration=lambda: corners(8, 1))
    return SimpleNamespace(models=models, data=data)


def variants(*recipes: str) -> list[Variant]:
    return [
        Variant(source, parse_recipe(recipe))
        for source in ("baseline", "student")
        for recipe in recipes
    ]


@needs_runtime
def test_a_recipe_is_refused_with_the_operator_and_the_layer(context):
    reasons = refusals(
        variants("float", "int8", "qat"), context, "micro", Here(), lambda text: None
    )
    assert set(reasons) == {"baseline-qat"}
    assert "not trained" in reasons["baseline-qat"]
    assert "it has no operator GELU" in reasons["baseline-qat"]
    assert "hidden" in reasons["baseline-qat"]


def test_a_target_with_every_operator_is_not_asked(context):
    pool = Here()
    assert not refusals(variants("qat"), context, "lite", pool, lambda text: None)
    assert not refusals(variants("int8"), context, "micro", pool, lambda text: None)
    assert pool.outcomes == []
