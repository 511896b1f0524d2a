"""pareto.png is drawn for every kind of outcome, with equal bytes."""

from __future__ import annotations

import pytest
from matplotlib.image import imread

from pipeline.compress.selection import pareto_plot
from pipeline.tasks.registry import DEFAULT, get


def point(
    source: str, recipe: str, size: int, accuracy: float, dominated: bool
) -> dict:
    return {
        "id": f"{source}-{recipe}",
        "source": source,
        "recipe": recipe,
        "status": "ok",
        "accuracy": accuracy,
        "bytes_flash": size,
        "bytes_gzip": size,
        "dominated": dominated,
        "drop": 0.98 - accuracy,
    }


BASELINE = point("baseline", "float", 160_000, 0.98, True)
POINTS = [
    BASELINE,
    point("baseline", "int8", 45_000, 0.98, False),
    point("student", "qat", 4_700, 0.976, False),
    point("student", "tiny", 1_000, 0.2, False),
    {"id": "student-int8", "source": "student", "status": "failed", "dominated": True},
]


def draw(path, points, chosen, max_bytes=None) -> bytes:
    budget = {"max_drop": 0.01, "max_bytes": max_bytes}
    names = {"baseline": "baseline-float", "chosen": chosen}
    document = {"budget": budget, "size_metric": "gzip", "points": points, **names}
    pareto_plot.draw(path, document, "digits")
    return path.read_bytes()


@pytest.mark.parametrize(
    ("points", "chosen"),
    [
        (POINTS, "student-qat"),
        (POINTS, None),
        ([{**BASELINE, "dominated": False}], "baseline-float"),
        ([*POINTS[:2], {**POINTS[1], "id": "twin"}], "twin"),
    ],
)
def test_every_outcome_can_be_drawn(tmp_path, points, chosen):
    draw(tmp_path / "pareto.png", points, chosen)
    image = imread(tmp_path / "pareto.png")
    assert image.shape[:2] == (540, 960)
    assert image.std() > 0.05


def test_equal_points_give_equal_bytes_and_others_other(tmp_path):
    path = tmp_path / "pareto.png"
    first, second, third = (
        draw(path, POINTS, c) for c in ("student-qat",) * 2 + (None,)
    )
    assert first == second != third


def test_a_limit_of_the_size_is_drawn_where_it_is_in_the_picture(tmp_path):
    path = tmp_path / "pareto.png"
    without, within, beyond = (
        draw(path, POINTS, None, limit) for limit in (None, 20_000, 10**9)
    )
    assert without == beyond != within


def test_the_interval_that_the_budget_limits_is_drawn(tmp_path):
    path = tmp_path / "pareto.png"
    lost = [*POINTS[:2], {**POINTS[2], "drop_interval": [-0.01, 0.05]}]
    assert draw(path, lost, None) != draw(path, POINTS[:3], None)
    document = {"budget": {"max_drop": 0.01}, "size_metric": "gzip", "points": lost}
    metric = get(DEFAULT).metric
    limits = pareto_plot._limits(document, metric)
    drop = pareto_plot._drop(lost[2], limits, BASELINE, metric)
    assert drop["over"] and drop["interval"] == pytest.approx([99.0, 93.0])


@pytest.mark.parametrize(
    ("changes", "budget", "over"),
    [
        ({"drop_interval": [0.0, 0.009]}, {}, False),
        ({"drop_interval": [0.0, 0.02]}, {}, True),
        ({}, {"max_bytes": 4_600}, True),
        ({}, {"max_bytes": 4_700, "max_latency_ms": 1.0}, False),
        ({"arena_bytes": 11}, {"max_arena": 10}, True),
        ({"device": {"refused": "it lacks CUMSUM"}}, {}, True),
        # Agreement with the float model is limited by its estimate.
        ({"drop": 0.009, "drop_interval": [0.0, 0.3]}, {"task": "agreement"}, False),
    ],
)
def test_a_point_is_hollow_exactly_if_the_budget_excludes_it(changes, budget, over):
    budget = {"max_drop": 0.01, "max_bytes": None, **budget}
    task = budget.pop("task", DEFAULT)
    metric = get(task).metric
    document = {"budget": budget, "size_metric": "gzip", "task": task}
    row = {**POINTS[2], **changes, metric.key: 0.97}
    limits = pareto_plot._limits(document, metric)
    drop = pareto_plot._drop(row, limits, {metric.key: 0.98}, metric)
    assert drop["over"] is over
