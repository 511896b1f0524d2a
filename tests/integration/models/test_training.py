"""The house's loop trains a builder on each kind of data, tokens as well."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.data.artifact import Split
from pipeline.data.spec import TaskSpec
from pipeline.models import registry
from pipeline.training.context import FitContext, FitData
from pipeline.training.gradients import diagnose, gradient_norms
from pipeline.training.loop import fit
from pipeline.training.params import FitSettings
from tests.helpers.models_cases import spec

# A builder for each kind, with the shapes that real experiments have.
KINDS = [
    ("resnet", spec((28, 28, 1)), {"filters": 8}),
    ("ds_cnn", spec((32, 16, 1), "audio"), {"filters": 32, "blocks": 2}),
    ("mlp", spec((16,), "table"), {}),
    ("bag_of_embeddings", spec((24,), "text", vocabulary=300), {}),
    ("lstm", spec((12,), "text", vocabulary=300), {}),
]


def made_up(data: TaskSpec, count: int, seed: int) -> Split:
    """Classes that differ in which part of an example is large, or in its words."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 3, count)
    if data.vocabulary:
        words = rng.integers(1, 100, (count, *data.shape)) + 66 * y[:, None]
        return Split(words.astype(np.int32), y)
    x = rng.normal(size=(count, *data.shape)).astype(np.float32)
    part = data.shape[0] // 3
    for example, label in zip(x, y):
        example[label * part : (label + 1) * part] += 1.5
    return Split(x, y)


@pytest.mark.parametrize(("name", "data", "values"), KINDS, ids=lambda v: str(v)[:18])
def test_it_learns(name, data, values):
    model = registry.build(name, {"dropout": 0.0, **values}, data, 1)
    train, validation = made_up(data, 192, 1), made_up(data, 96, 2)
    settings = FitSettings(epochs=8, learning_rate=1e-2, batch_size=16)
    assert diagnose(gradient_norms(model, data, train, settings)) == ""
    history = fit(model, FitData(data, train, validation), settings, FitContext(1))
    assert history.best["val_accuracy"] > 0.75
    assert history.rows[-1]["loss"] < history.rows[0]["loss"]


def test_labels_at_random_cannot_be_learned():
    data = spec((16,), "table")
    shuffled = Split(made_up(data, 192, 1).x, made_up(data, 192, 5).y)
    model = registry.build("mlp", {}, data, 1)
    settings = FitSettings(epochs=4, learning_rate=1e-2)
    history = fit(
        model, FitData(data, shuffled, made_up(data, 96, 2)), settings, FitContext(1)
    )
    assert history.best["val_accuracy"] < 0.6
