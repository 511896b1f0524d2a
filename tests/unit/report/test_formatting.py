from __future__ import annotations

import pytest

from pipeline.report import formatting
from pipeline.tasks.registry import get

CLASSES = get("classification").metric


@pytest.mark.parametrize(
    ("drop", "text"),
    [(0.0123, "-1.2"), (-0.005, "+0.5"), (0.0, "+0.0"), (-0.0, "+0.0")],
)
def test_a_drop_is_written_as_the_change_that_it_is(drop, text):
    assert formatting.change({"drop": drop}, CLASSES) == text


def test_the_interval_of_a_change_begins_with_the_greatest_loss():
    assert (
        formatting.span_of({"drop_interval": [-0.002, 0.013]}, CLASSES)
        == "-1.3 to +0.2"
    )


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("0.9712345678", "0.9712"),
        ("0.00125", "0.00125"),
        ("1.25e-05", "1.25e-05"),
        ("64", "64"),
        ("relu", "relu"),
        ("3.1.2", "3.1.2"),
        ("", ""),
    ],
)
def test_only_long_numbers_are_shortened(text, shown):
    assert formatting.short(text) == shown


@pytest.mark.parametrize(
    ("change", "key", "text"),
    [
        (0.00031234, "mae", "+0.000312"),
        (-0.00000456, "rmse", "-4.56e-06"),
        (-1.23456, "mae", "-1.23"),
        (12_345.6, "rmse", "+12,346"),
        (999.4, "mae", "+999"),
        (999.7, "mae", "+1,000"),
        (-999.7, "mae", "-1,000"),
        (0.0, "mae", "+0"),
        (-0.0, "mae", "+0"),
        (0.01234, "macro_f1", "+0.012"),
    ],
)
def test_a_change_of_an_error_keeps_the_digits_that_count(change, key, text):
    assert formatting.moved(change, key) == text


@pytest.mark.parametrize(
    ("value", "key", "text"),
    [
        (0.000312345, "mae", "0.0003123"),
        (234_567.8, "rmse", "234,568"),
        (9_999.4, "mae", "9999"),
        (9_999.7, "mae", "10,000"),
        (0.00041, "threshold", "0.00041"),
        (0.98765, "macro_f1", "0.988"),
    ],
)
def test_an_error_is_told_in_its_own_unit(value, key, text):
    assert formatting.measured(value, key) == text
