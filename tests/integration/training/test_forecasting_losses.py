"""Losses and evidence of forecasts in the graph equal those in NumPy."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from pipeline.core.errors import UserError
from pipeline.tasks.forecasting.errors import Layout, errors
from pipeline.tasks.forecasting.training import TRAINING
from tests.unit.tasks.test_forecasting import (
    COLUMNS,
    COUNT,
    GUESS,
    SPEC,
    WIDE,
    Y,
    outputs_of,
)

RNG = np.random.default_rng(5)
QUANTILES = RNG.normal(size=(COUNT, COLUMNS.size * 3)).astype(np.float32)


@pytest.mark.parametrize(
    ("spec", "outputs"), [(SPEC, outputs_of(GUESS)), (WIDE, QUANTILES)]
)
def test_evidence_in_the_graph_is_that_of_numpy(spec, outputs):
    received = TRAINING(spec).evidence(tf.constant(Y), tf.constant(outputs))
    assert np.allclose(received, errors(Layout(spec), outputs, Y), atol=1e-4)


def test_losses_see_the_targets_alone():
    outputs, target = outputs_of(GUESS), Y[:, : COLUMNS.size]
    error = target - outputs
    losses = TRAINING(SPEC).losses
    expected = {
        "mse": error**2,
        "mae": np.abs(error),
        "quantile": np.abs(error) / 2,
        "huber": np.where(np.abs(error) < 1, error**2 / 2, np.abs(error) - 0.5),
    }
    for name, values in expected.items():
        received = losses[name](tf.constant(Y), tf.constant(outputs))
        assert np.allclose(received, values.mean(axis=1), atol=1e-5), name
        spoiled = Y.copy()
        spoiled[:, COLUMNS.size :] = np.nan
        assert np.allclose(
            losses[name](tf.constant(spoiled), tf.constant(outputs)), received
        )


def test_the_quantile_loss_is_lowest_at_the_quantiles():
    y = np.repeat(Y[:1], 999, axis=0)
    y[:, : COLUMNS.size] = np.linspace(-1, 1, 999)[:, None]
    levels = np.tile([-0.8, 0.0, 0.8], COLUMNS.size).astype(np.float32)
    loss = TRAINING(WIDE).losses["quantile"]

    def of(values):
        return float(
            np.mean(loss(tf.constant(y), tf.constant(np.tile(values, (999, 1)))))
        )

    best = of(levels)
    assert all(of(levels + shift) > best for shift in (-0.1, 0.1))


def test_a_loss_against_a_teacher_is_0_at_its_outputs():
    teacher = tf.constant(QUANTILES)
    loss = TRAINING(WIDE).losses["quantile"]
    assert np.allclose(loss(teacher, teacher), 0)
    assert (loss(teacher, teacher + 0.1).numpy() > 0).all()


def test_a_loss_of_one_number_refuses_levels():
    with pytest.raises(UserError, match="set loss: quantile, or remove the levels"):
        TRAINING(WIDE).losses["mse"](tf.constant(Y), tf.constant(QUANTILES))
