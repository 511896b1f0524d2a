"""The test split in the result of compress-file."""

from __future__ import annotations

from typing import Any

from pipeline.results.held_out import lines
from pipeline.tasks.registry import get

ACCURACY = get("classification").metric


def result(validation: float, test: float) -> list[str]:
    """The lines of a float file and of a chosen one that loses one point."""
    points = [{"id": "baseline-float", "accuracy": validation}]
    pareto = {"points": points, "baseline": "baseline-float", "chosen": "baseline-int8"}
    row: dict[str, Any] = {"accuracy": test, "drop": 0.0}
    row["accuracy_interval"] = [test - 0.01, test + 0.01]
    chosen = {"accuracy": test - 0.01, "drop": 0.01, "drop_interval": [0.005, 0.015]}
    rows = {"baseline-float": row, "baseline-int8": chosen}
    return lines(pareto, {"examples": 1000, "rows": rows}, ACCURACY)


def test_the_loss_on_fresh_examples_is_shown():
    assert result(0.9, 0.9) == [
        "test      1,000 test examples: float 0.900, chosen 0.890 "
        "(-1.0 points, -1.5 to -0.5)"
    ]


def test_a_model_that_is_far_better_on_validation_was_trained_on_it():
    shown, warning = result(0.929, 0.872)
    assert shown.startswith("test ") and warning.startswith("WARNING ")
    assert "5.7 points better on validation (0.929) than on test (0.872)" in warning


def test_without_a_test_split_there_is_no_line():
    assert lines({"baseline": "baseline-float", "points": []}, {}, ACCURACY) == []
