"""Steps of a recipe that lose more than the step before them."""

from __future__ import annotations

from pipeline.results.losing_steps import phrases
from pipeline.tasks.registry import get

ACCURACY = get("classification").metric


def lines(*values: float | None) -> list[dict]:
    steps = ("baseline | float", "quantize_weights(4)", "cqat", "int8")
    return [{"step": step, "accuracy": v} for step, v in zip(steps, values)]


def test_a_step_that_loses_more_is_named_with_both_losses():
    assert phrases(lines(0.9, 0.897, 0.873), ACCURACY) == [
        "cqat lost 2.4 points (quantize_weights(4): 0.3)"
    ]


def test_a_step_that_follows_a_gain_is_compared_with_nothing_lost():
    assert len(phrases(lines(0.9, 0.93, 0.91), ACCURACY)) == 1


def test_smaller_losses_and_the_first_step_are_not_named():
    assert phrases(lines(0.9, 0.7, 0.65, 0.651), ACCURACY) == []
    assert phrases(lines(0.9, 0.899, 0.896), ACCURACY) == []
    assert phrases(lines(None, 0.8, 0.1), ACCURACY) == []
