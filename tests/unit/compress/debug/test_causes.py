"""The likely cause of a layer's error is named from its statistics."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pipeline.compress.debug.causes import Norm, TensorStatistics, likely_cause


def statistics(channels: list[float], examples: int = 6) -> TensorStatistics:
    tensor = TensorStatistics()
    for _ in range(examples):
        tensor.add(np.array([channels]))
    return tensor


def cause(**changes: Any) -> str:
    even = statistics([1.0, 1.2, 0.9, 1.1])
    values: dict[str, Any] = {
        "kind": "CONV_2D",
        "decibels": 5.0,
        "saturated": 0.0,
        "inputs": {"stem": even},
        "output": even,
        "kernel": (4, np.array([127, 127, 127, 127])),
        "norm": None,
        "norms": {},
    }
    return likely_cause(**{**values, **changes})


LOUD = [1.0, 1.0, 50.0, 1.0]


def test_a_small_error_has_no_cause():
    assert cause(decibels=35.0, output=statistics(LOUD)) == ""


def test_an_outlier_channel_of_the_output_is_named():
    text = cause(output=statistics(LOUD))
    assert text.startswith("outlier channel: output has channel 2 with 50 times")


def test_an_outlier_channel_of_an_input_is_named_with_its_layer():
    assert "input from stem has channel 2" in cause(inputs={"stem": statistics(LOUD)})


def test_a_tiny_variance_explains_an_outlier_channel():
    variance = np.array([1.0, 0.9, 1e-6, 1.1])
    norm = Norm("norm", variance, 1 / np.sqrt(variance + 1e-9))
    text = cause(output=statistics(LOUD), norm=norm)
    assert text.startswith("tiny batch-norm variance: norm has 1e-06 in channel 2")
    even = Norm("norm", np.ones(4), np.ones(4))
    assert "outlier" in cause(output=statistics(LOUD), norm=even)


def test_one_example_that_sets_the_range_is_named():
    tensor = statistics([1.0, 1.1, 1.0, 0.9])
    tensor.add(np.array([[7.0, 7.0, 7.0, 7.0]]))
    text = cause(output=tensor)
    assert text.startswith("range set by one example: calibration example 6 has 6.4")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"kind": "SOFTMAX"}, "softmax scale"),
        ({"saturated": 0.2, "decibels": 40.0}, "clipping: 20.0%"),
        ({"kernel": (1, np.array([127, 2, 3, 2]))}, "one scale for a kernel"),
        ({}, "rounding"),
    ],
)
def test_other_causes(changes, words):
    assert words in cause(**changes)
