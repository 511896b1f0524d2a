"""The builders of detection: their outputs, and what they refuse."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.core.errors import UserError
from pipeline.models import registry
from pipeline.tasks.registry import task_of
from tests.helpers.cases import chosen
from tests.helpers.models_cases import spec

BOXES = spec((32, 48, 3), task="detection")
SMALL = {"width": 0.25, "depth": 0.34, "channels": 16}


@pytest.mark.parametrize("name", ["centroid_grid", "anchor_free"])
class TestDetectors:
    @pytest.mark.parametrize("stride", chosen([4, 8], [8]))
    def test_it_returns_scores_and_distances_in_cells(self, name, stride):
        values = {**SMALL, "family": "resnet", "stem_strides": 2, "stride": stride}
        model = registry.build(name, values, BOXES, 1)
        assert model.output_shape == (None, 32 // stride, 48 // stride, 3 + 4)
        assert task_of(BOXES).accepts(model.output_shape[1:], BOXES)
        bias = model.get_layer("prediction").bias.numpy()
        assert np.array_equal(np.sign(bias), [-1] * 3 + [1] * 4)

    def test_other_data_are_refused(self, name):
        for other in (spec((15, 16, 3), task="detection"), spec((32, 32, 3))):
            with pytest.raises(UserError, match=f"builder {name}: needs images of"):
                registry.build(name, SMALL, other, 1)


@pytest.mark.parametrize(
    ("shape", "accepted"),
    [
        ((4, 6, 7), True),
        ((8, 12, 7), True),
        ((4, 6, 8), False),
        ((64, 6, 7), False),
        ((4, None, 7), False),
        ((7,), False),
    ],
)
def test_a_task_accepts_cells_of_any_size(shape, accepted):
    assert task_of(BOXES).accepts(shape, BOXES) == accepted
