"""Callbacks of fine-tuning, on a model of one layer."""

from __future__ import annotations

import numpy as np
import pytest
import tf_keras

from pipeline.compress.tfmot.callbacks import BuildVariables, PreserveZeros, is_kernel
from pipeline.tasks.registry import get


@pytest.fixture
def model() -> tf_keras.Model:
    """Dense from 4 to 3, half of its kernel zero."""
    layer = tf_keras.layers.Dense(3, name="logits")
    made = tf_keras.Sequential([tf_keras.Input((4,)), layer])
    layer.kernel.assign(layer.kernel * np.array([[1, 0, 1]] * 2 + [[0, 1, 0]] * 2))
    return made


def fit(model: tf_keras.Model, *callbacks: tf_keras.callbacks.Callback) -> None:
    """Two epochs of two steps with momentum, which moves zeros."""
    x = np.random.default_rng(1).normal(size=(8, 4)).astype(np.float32)
    y = np.arange(8) % 3
    loss = tf_keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("adam", loss, metrics=["accuracy"])
    stop = tf_keras.callbacks.EarlyStopping(restore_best_weights=True)
    tf_keras.utils.set_random_seed(1)
    model.fit(
        x,
        y,
        batch_size=4,
        epochs=2,
        verbose=0,
        validation_data=(x, y),
        callbacks=[stop, *callbacks],
    )


@pytest.mark.parametrize(("keeps", "zeros"), [(True, 6), (False, 0)])
def test_zeros_stay_zero_and_the_rest_is_trained(model, keeps, zeros):
    before = model.get_layer("logits").kernel.numpy()
    fit(model, *([PreserveZeros(model)] if keeps else []))
    after = model.get_layer("logits").kernel.numpy()
    assert np.count_nonzero(after[before == 0] == 0) == zeros
    assert np.all(after[before != 0] != before[before != 0])


@pytest.mark.parametrize(("first", "traces"), [(True, 1), (False, 2)])
def test_a_step_whose_variables_are_there_is_traced_once(model, first, traces):
    fit(model, *([BuildVariables(get("classification"))] if first else []))
    assert model.train_tf_function.experimental_get_tracing_count() == traces


@pytest.mark.parametrize(
    ("shape", "expected"),
    [((3, 3, 1, 8), True), ((4, 3), True), ((8,), False), ((1, 8), False), ((), False)],
)
def test_a_kernel_has_two_dimensions_or_more(shape, expected):
    assert is_kernel(np.zeros(shape)) == expected
