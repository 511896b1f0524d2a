"""Differences between a device's outputs and LiteRT's."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.compress.targets.parity import compare
from pipeline.compress.targets.target import Examples

OUTPUTS = np.array([[127, -128], [3, 4], [5, 5]], np.int8)
EXAMPLES = Examples(np.zeros((3, 1), np.int8), OUTPUTS, classes=True)


def test_equal_outputs_have_no_difference():
    assert compare(OUTPUTS, EXAMPLES) == {
        "examples": 3,
        "largest": 0,
        "different": 0,
        "changed_predictions": 0,
    }


def test_differences_are_units_of_the_last_place_and_do_not_overflow():
    outputs = np.array([[-128, 127], [3, 2], [5, 5]], np.int8)
    result = compare(outputs, EXAMPLES)
    assert (result["largest"], result["different"]) == (255, 2)
    assert result["changed_predictions"] == 2


def test_numbers_that_are_no_classes_have_no_predictions():
    floats = Examples(np.zeros((1, 1)), np.array([[0.5]], np.float32), classes=False)
    result = compare(np.array([[0.25]], np.float32), floats)
    assert result == {"examples": 1, "largest": 0.25, "different": 1}


def test_outputs_that_are_not_finite_are_an_error():
    zeros = np.zeros((2, 3), np.float32)
    examples = Examples(zeros, zeros, classes=True)
    broken = np.array([[0, np.nan, 0], [0, 0, 0]], np.float32)
    with pytest.raises(ValueError, match="not finite"):
        compare(broken, examples)
