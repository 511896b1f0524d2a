"""Forecasters that were trained elsewhere: their output may have more axes."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from pipeline.compress.import_model.logits import with_flat_output
from pipeline.compress.import_model.train.stage import check_fits
from pipeline.core.errors import UserError
from pipeline.data.spec import TaskSpec

TARGET = {"names": ["a", "b"], "horizon": 3, "quantiles": []}
SPEC = TaskSpec("t", "csv:t", (5, 2), "float32", (), task="forecasting", target=TARGET)


def forecaster(steps: int) -> keras.Model:
    window = keras.Input((5, 2), name="window")
    x = keras.layers.Flatten(name="flat")(window)
    x = keras.layers.Dense(steps * 2, name="map")(x)
    return keras.Model(window, keras.layers.Reshape((steps, 2), name="steps")(x))


def test_an_output_of_steps_and_targets_is_flattened_in_that_order():
    model = forecaster(3)
    check_fits(model, SPEC, "net.keras")
    flat = with_flat_output(model)
    x = np.random.default_rng(1).normal(size=(4, 5, 2)).astype(np.float32)
    assert np.array_equal(np.asarray(flat(x)), np.asarray(model(x)).reshape(4, 6))
    assert with_flat_output(flat) is flat


def test_another_horizon_is_refused():
    with pytest.raises(UserError, match=r"csv:t needs \(5, 2\) to \(6,\)"):
        check_fits(forecaster(4), SPEC, "net.keras")
