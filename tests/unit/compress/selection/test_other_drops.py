"""Budgets of several metrics, and the guard of the worst class."""

from __future__ import annotations

import json

import numpy as np
import pytest

from pipeline.compress.params import Budget
from pipeline.compress.selection import other_metrics, pareto_front, pareto_table
from pipeline.compress.selection.budget import read_limits
from pipeline.compress.selection.point import Point, VariantRow
from pipeline.core.errors import UserError
from pipeline.experiment.loader import read_experiment
from pipeline.tasks.classification.metric import METRIC
from pipeline.tasks.registry import get
from pipeline.tasks.regression.metric import METRIC as R2

Y = np.array([0] * 190 + [1] * 10)  # ten faults
RIGHT = np.ones(200)
SILENT = np.where(Y == 1, 0.0, 1.0)  # never a fault


def rows() -> list[VariantRow]:
    """The float baseline, a safe file, and a smaller one that never tells a fault."""
    common = {"source": "baseline", "status": "ok"}
    return [
        VariantRow(
            id=f"baseline-{name}",
            recipe=name,
            file=f"variants/{name}.tflite",
            metrics={"accuracy": accuracy},
            bytes_flash=size,
            bytes_raw=size,
            bytes_gzip=size,
            **common,
        )
        for name, accuracy, size in (
            ("float", 1.0, 900),
            ("int8", 1.0, 300),
            ("int4", 0.95, 200),
        )
    ]


def compared(budget: Budget, unbalanced: bool):
    limits = pareto_table.limits_of(budget, unbalanced=unbalanced)
    keys = {**limits.max_drops, **limits.guard}
    metrics = {key: METRIC.others[key] for key in keys}
    others = [
        other_metrics.measure(RIGHT, evidence, Y, metrics, 1)
        for evidence in (RIGHT, RIGHT, SILENT)
    ]
    return limits, pareto_table.compare(rows(), limits, None, others)


@pytest.mark.parametrize(
    ("budget", "unbalanced", "chosen"),
    [
        (Budget(max_drop=0.06), False, "int4"),
        (Budget(max_drop=0.06), True, "int8"),
        (Budget(max_drop=0.06, guard=None), True, "int4"),
        (Budget(max_drop={"accuracy": 0.06, "recall_min": 0.05}), False, "int8"),
        (Budget(max_drop={"accuracy": 0.06, "recall_mean": 0.6}), False, "int4"),
        (Budget(max_drop={"recall_mean": 0.6}), False, "int8"),  # accuracy: 0.01
    ],
)
def test_the_worst_class_decides_too(budget, unbalanced, chosen):
    limits, points = compared(budget, unbalanced)
    assert pareto_front.choose(points, limits).id == f"baseline-{chosen}"


def test_the_cost_of_the_guard_is_a_sentence():
    limits, points = compared(Budget(max_drop=0.06), True)
    text = pareto_table.metrics(points, limits)["guard"]
    assert "baseline | int4 (200 bytes flash, instead of 300) is not chosen" in text
    assert "recall of the worst class: up to 100.0 points of recall lost" in text
    assert "(allowed: 10.0)" in text
    free, points = compared(Budget(max_drop=0.06, guard=None), True)
    assert "guard" not in pareto_table.metrics(points, free)


def test_limits_and_losses_are_read_back_from_pareto_json():
    limits, points = compared(Budget(max_drop={"recall_min": 0.05}), False)
    document = json.loads(json.dumps(pareto_table.document(points, limits)))
    again = read_limits(document["budget"], get("classification").metric)
    assert again.max_drops == {"recall_min": 0.05}
    read = [Point.from_json(row) for row in document["points"]]
    assert [again.violations(p) for p in read] == [limits.violations(p) for p in points]
    assert "recall of the worst class: at most 5.0" in again.describe()


def test_a_document_without_other_metrics_has_no_entry_for_them():
    limits, points = compared(Budget(), False)
    document = pareto_table.document(points, limits)
    assert not {"max_drops", "guard"} & set(document["budget"])
    assert all("other_drops" not in row for row in document["points"])


@pytest.mark.parametrize(
    ("counts", "expected"), [((50, 50), False), ((80, 30), False), ((90, 10), True)]
)
def test_a_class_with_less_than_half_of_its_share_is_unbalanced(counts, expected):
    y = np.repeat([0, 1], counts)
    assert other_metrics.is_unbalanced(y, 2) == expected


def test_errors_of_a_regression_are_losses_too():
    y = np.random.default_rng(1).normal(size=60)
    before, after = np.full(60, 0.1), np.full(60, 0.3)
    drops = other_metrics.measure(before, after, y, R2.others, 1)
    assert drops["mae"][0] == pytest.approx(0.2) == drops["rmse"][0]


def test_an_unknown_metric_is_refused_by_name(tmp_path):
    (tmp_path / "experiment.yaml").write_text(
        "data: {source: sklearn:digits}\n"
        "compress: {budget: {max_drop: {recal_min: 0.1, accuracy: 1}}}\n"
    )
    with pytest.raises(UserError) as error:
        read_experiment(tmp_path)
    text = str(error.value)
    assert "no metric of data.task classification" in text and "recall_min" in text
    assert "must be less than 1, as accuracy is at most 1; 0.01 is one point" in text
