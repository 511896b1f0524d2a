"""Selection where a lower metric is better: what is chosen is what is best."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.compress.selection import pareto_front, pareto_table
from pipeline.compress.selection.budget import Limits
from pipeline.compress.selection.point import Point, VariantRow
from pipeline.distill.smallest_student import smallest_student
from pipeline.metrics.intervals import gain
from pipeline.metrics.metric import Metric
from pipeline.metrics.task_metrics import TaskMetric, mean
from pipeline.training.early_stopping import is_best, plateau_factor, should_stop
from pipeline.training.history import History
from pipeline.training.params import FitSettings
from pipeline.tune.artifact import Best
from pipeline.tune.pareto import Point as TrialPoint
from pipeline.tune.pareto import front, mixed_score

MAE = Metric("mae", "MAE", lowest=0.0, higher_is_better=False)
SETTINGS = FitSettings(monitor="mae", patience=2, schedule="plateau")


def row(recipe: str, mae: float, size: int) -> VariantRow:
    return VariantRow(
        f"baseline-{recipe}",
        "baseline",
        recipe,
        "ok",
        metrics={"mae": mae},
        bytes_raw=size,
        bytes_flash=size,
        bytes_gzip=size,
    )


ROWS = [row("float", 2.0, 100), row("int8", 2.1, 30), row("qat", 1.9, 30)]
ROWS += [row("prune(0.5)", 2.6, 10)]
LIMITS = Limits(0.2, metric=MAE)


def test_the_budget_chooses_the_smallest_whose_loss_rises_by_no_more():
    points = pareto_table.compare(ROWS, LIMITS)
    drops = {point.recipe: point.drop for point in points}
    assert drops == pytest.approx(
        {"float": 0, "int8": 0.1, "qat": -0.1, "prune(0.5)": 0.6}
    )
    assert pareto_front.choose(points, LIMITS).id == "baseline-qat"
    flags = {point.recipe: point.dominated for point in points}
    assert flags == {"float": True, "int8": True, "qat": False, "prune(0.5)": False}


def test_the_nearest_miss_is_the_one_that_rises_least():
    points = [Point(**vars(row), drop=row.metrics["mae"] - 1.0) for row in ROWS]
    assert pareto_front.nearest_miss(points, LIMITS).recipe == "qat"


def rows(*values: float) -> list[dict[str, float]]:
    return [{"epoch": at, "val_mae": one} for at, one in enumerate(values, 1)]


def test_a_fit_keeps_and_waits_for_the_lowest():
    assert is_best(rows(3.0, 2.0), SETTINGS, MAE)
    assert not is_best(rows(2.0, 3.0), SETTINGS, MAE)
    assert should_stop(rows(2.0, 3.0, 4.0), SETTINGS, MAE)
    assert not should_stop(rows(4.0, 3.0, 2.0), SETTINGS, MAE)
    waits = FitSettings(monitor="mae", schedule="plateau", plateau_patience=1)
    assert plateau_factor(rows(3.0, 2.0), waits, MAE) == 1
    assert plateau_factor(rows(2.0, 3.0), waits, MAE) < 1
    assert History.of(rows(3.0, 1.0, 2.0), "val_mae", lower=True).best["epoch"] == 2


TRIALS = [
    TrialPoint(trial, score, size)
    for trial, (score, size) in enumerate([(3.0, 10), (2.0, 20), (2.5, 30), (1.0, 40)])
]


def test_the_front_of_a_search_falls_with_size():
    assert [point.trial for point in front(TRIALS, sign=-1)] == [0, 1, 3]
    score = mixed_score(TRIALS, 1, 4, sign=-1)
    assert score(1) > score(2)  # smaller and better


def test_the_student_is_the_smallest_near_the_lowest():
    optimal = [
        {
            "trial": point.trial,
            "score": point.score,
            "bytes_int8": point.size,
            "parameters": point.size,
            "values": {"trial": point.trial},
        }
        for point in front(TRIALS, sign=-1)
    ]
    best = Best("mlp", {}, 1.0, 40, 3, front=optimal)
    _, values = smallest_student(best, 1.2, weights=100, metric=MAE)
    assert values["trial"] == 1


def test_a_gain_is_what_the_loss_has_fallen():
    found = gain([1, 2], [1.0, 1.1], [1.5, 1.6], "teacher", MAE)
    assert found["gain"] == pytest.approx(0.5)
    assert "gain from the teacher" in found["verdict"]


def test_the_bootstrap_of_any_metric_repeats_examples():
    metric = TaskMetric(MAE, lambda out, x, y: np.abs(out[:, 0] - y), mean)
    rng = np.random.default_rng(1)
    y = rng.normal(size=80)
    good, worse = (np.abs(rng.normal(0, scale, 80)) for scale in (0.1, 1.0))
    low, high = metric.drop_interval(good, worse, y, seed=1, resamples=300)
    assert 0 < low < worse.mean() - good.mean() < high
    low, high = metric.interval(good, y, 300, seed=1)
    assert low < good.mean() < high
