"""A policy's amounts times a number."""

from __future__ import annotations

import pytest

from pipeline.augment.grammar import GRAMMAR
from pipeline.augment.strength import AMOUNT, can_strengthen, strengthen

CASES = [
    ("shift(2) | flip | rotate(10)", 0.5, "shift(1) | flip | rotate(5)"),
    ("shift(2) | flip", 1.0, "shift(2) | flip"),
    ("shift(2) | flip", 0.0, "flip"),
    ("zoom(0.6)", 2.0, "zoom(0.9)"),  # no more than the grammar allows
    ("time_mask(3)", 0.5, "time_mask(2)"),
    (
        "pad(2) | random_crop(28) | mixup(0.2)",
        3.0,
        "pad(2) | random_crop(28) | mixup(0.2)",
    ),
    ("randaugment(2, 0.3)", 2.0, "randaugment(2, 0.6)"),
]


@pytest.mark.parametrize(("policy", "strength", "expected"), CASES)
def test_amounts_are_multiplied(policy, strength, expected):
    assert strengthen(policy, strength) == expected


def test_the_amounts_are_arguments_of_their_steps():
    for step, name in AMOUNT.items():
        assert name in [argument.name for argument in GRAMMAR[step].params]


def test_whether_there_is_anything_to_multiply():
    assert can_strengthen("flip | jitter(0.1)")
    assert not can_strengthen("flip | pad(2) | random_crop(8)")
