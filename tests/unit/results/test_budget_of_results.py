"""Budgets of pareto.json, as the tables of results read them."""

from __future__ import annotations

import dataclasses
import json

import pytest

from pipeline.compress.params import Budget
from pipeline.compress.selection.pareto_table import limits_of
from pipeline.compress.selection.point import Point
from pipeline.core.json_io import read_checked
from pipeline.report.budget_check import BudgetCheck
from pipeline.results.single_file import ParetoSchema
from pipeline.results.summary import SummarySchema
from pipeline.tasks.registry import get

FLOAT = Point(
    id="baseline-float",
    source="baseline",
    recipe="float",
    status="ok",
    file="variants/baseline-float.tflite",
    metrics={"accuracy": 0.9},
    bytes_flash=900,
    bytes_raw=900,
    bytes_gzip=800,
    drop=0.0,
)


@pytest.mark.parametrize(
    ("budget", "unbalanced"),
    [
        (Budget(), False),
        (Budget(), True),
        (Budget(max_drop={"accuracy": 0.02, "recall_min": 0.05}), True),
    ],
)
@pytest.mark.parametrize("schema", [SummarySchema, ParetoSchema])
def test_every_kind_of_budget_passes_the_check_of_types(
    tmp_path, budget, unbalanced, schema
):
    document = {
        "baseline": None,
        "budget": limits_of(budget, unbalanced=unbalanced).to_json(),
        "chosen": None,
        "nearest": None,
        "variants": [],
        "points": [],
    }
    (tmp_path / "x.json").write_text(json.dumps(document))
    assert read_checked(tmp_path / "x.json", schema) == document


def test_a_baseline_that_the_target_does_not_run_is_over_the_budget():
    reason = "broken for micro: it has no operator EXP"
    refused = dataclasses.replace(FLOAT, device={"refused": reason})
    rows = [
        {
            **point.to_json(),
            "validation_accuracy": 0.9,
            "validation_drop": 0.0,
            "validation_drop_interval": None,
            "latency_ms": None,
        }
        for point in (FLOAT, refused)
    ]
    budget, task = limits_of(Budget()).to_json(), get("classification")
    excesses = [
        BudgetCheck([row], budget, task.metric, task.name).excesses(row["id"])
        for row in rows
    ]
    assert excesses == [[], [reason]]
