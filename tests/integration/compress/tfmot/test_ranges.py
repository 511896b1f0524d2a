"""Fine-tuning of models whose numbers are far from -6 .. 6."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers

from pipeline.compress.grammar import parse_recipe
from pipeline.compress.tfmot.build import build
from pipeline.compress.tfmot.fine_tuning import FineTuning
from pipeline.data.artifact import Split
from pipeline.data.spec import TaskSpec
from pipeline.inference.interpreter import LiteModel
from pipeline.training.params import FitSettings

PRICES = TaskSpec(
    *("prices", "npz:prices", (4,), "float32", ()),
    modality="table",
    task="regression",
    target={"name": "y", "mean": 0.0, "deviation": 1.0},  # data.target_unit: labels
)


@pytest.fixture
def prices() -> tuple[keras.Model, Split, Split]:
    """A model that answers 300 + 80 x exactly, in the unit of its labels."""
    x = np.random.default_rng(0).normal(size=(320, 4)).astype(np.float32)
    y = 300 + 80 * (x[:, 0] - x[:, 1])
    row = keras.Input((4,), name="row")
    hidden = layers.Dense(4, activation="relu", name="hidden")
    output = layers.Dense(1, name="prediction")
    model = keras.Model(row, output(hidden(row)))
    signs = np.array([[1, -1, 0, 0], [0, 0, 1, -1], [0] * 4, [0] * 4], np.float32)
    hidden.set_weights([signs, np.zeros(4, np.float32)])
    gains = np.array([[80], [-80], [-80], [80]], np.float32)
    output.set_weights([gains, np.array([300], np.float32)])
    return model, Split(x[:256], y[:256]), Split(x[256:], y[256:])


def test_one_epoch_does_not_ruin_a_regression_in_the_unit_of_its_labels(
    prices, written
):
    model, train, validation = prices
    settings = FitSettings(epochs=1, learning_rate=2e-3)
    tuning = FineTuning(PRICES, train, validation, settings, None, seed=7)
    content = build(model, parse_recipe("qat"), tuning, train.x[:100]).content
    outputs = LiteModel(written(content), PRICES).logits(validation.x)[:, 0]
    error = np.mean((outputs - validation.y) ** 2) / np.var(validation.y)
    assert error < 0.01  # 12 with ranges of -6 .. 6
