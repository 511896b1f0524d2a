"""A detection model that was trained elsewhere: cells of any size are taken."""

from __future__ import annotations

import keras
import pytest

from pipeline.compress.import_model.train.stage import check_fits
from pipeline.core.errors import UserError
from tests.helpers.models_cases import spec

BOXES = spec((32, 32, 3), task="detection")


def model(strides: int, channels: int) -> keras.Model:
    layer = keras.layers.Conv2D(channels, 3, strides, padding="same")
    return keras.Sequential([keras.Input((32, 32, 3)), layer])


@pytest.mark.parametrize("strides", [2, 4, 16])
def test_a_grid_of_any_size_fits(strides):
    check_fits(model(strides, 3 + 4), BOXES, "net.keras")


def test_another_number_of_channels_is_refused_with_both_shapes():
    with pytest.raises(UserError, match=r"maps .* to \(8, 8, 4\); .* to \(4, 4, 7\)"):
        check_fits(model(4, 4), BOXES, "net.keras")
