"""The learning rate of fine-tuning, found from the model's own state."""

from __future__ import annotations

import numpy as np
import pytest
import tf_keras
from sklearn.linear_model import LogisticRegression

from pipeline.data.artifact import Split
from pipeline.data.spec import TaskSpec
from pipeline.training.context import FitContext, FitData
from pipeline.training.keras_fit import keras_fit
from pipeline.training.params import FitSettings
from pipeline.training.rate_search import RATES

SPEC = TaskSpec(
    "toy", "npz:toy.npz", (6,), "float32", ("a", "b", "c"), modality="table"
)
KERNEL = np.eye(6, 3, dtype=np.float32)
SETTINGS = FitSettings(epochs=1, batch_size=16, optimizer="adam")


def split(count: int) -> Split:
    """Examples of which a fifth has a random label."""
    rng = np.random.default_rng(count)
    x = rng.normal(size=(count, 6)).astype(np.float32)
    y = np.argmax(x[:, :3], axis=1)
    return Split(x, np.where(rng.random(count) < 0.2, rng.integers(0, 3, count), y))


DATA = FitData(SPEC, split(320), split(40))


def model(kernel: np.ndarray, bias: np.ndarray | None = None) -> tf_keras.Model:
    """A linear classifier with these weights."""
    tensor = tf_keras.Input((6,))
    net = tf_keras.Model(tensor, tf_keras.layers.Dense(3, name="end")(tensor))
    net.get_layer("end").set_weights([kernel, np.zeros(3) if bias is None else bias])
    return net


def rate_of(net: tf_keras.Model) -> float:
    """The rate that a fit finds and uses."""
    rates: list[float] = []
    keras_fit(net, DATA, SETTINGS, FitContext(3, found_rate=rates.append), tf_keras)
    (rate,) = rates
    return rate


def test_a_model_in_its_minimum_gets_a_lower_rate_than_a_new_one():
    fitted = LogisticRegression(C=1e6).fit(DATA.train.x, DATA.train.y)
    assert rate_of(model(fitted.coef_.T, fitted.intercept_)) < max(RATES)
    assert rate_of(model(np.zeros((6, 3)))) == max(RATES)


def test_a_search_changes_neither_model_nor_optimizer():
    searched, plain = model(KERNEL), model(KERNEL)
    rate = rate_of(searched)
    settings = SETTINGS.model_copy(update={"learning_rate": rate})
    keras_fit(plain, DATA, settings, FitContext(3), tf_keras)
    for first, second in zip(searched.get_weights(), plain.get_weights()):
        np.testing.assert_allclose(first, second, atol=1e-7)


@pytest.mark.slow
def test_without_a_receiver_the_rate_of_the_settings_is_used():
    moved = []
    for rate in (1e-5, 0.1):
        net, settings = (
            model(KERNEL),
            SETTINGS.model_copy(update={"learning_rate": rate}),
        )
        keras_fit(net, DATA, settings, FitContext(3), tf_keras)
        moved.append(float(np.abs(net.get_weights()[0] - KERNEL).max()))
    assert moved[0] < 1e-3 < moved[1]
