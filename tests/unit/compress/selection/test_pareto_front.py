"""Domination and choice, on made-up points."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pipeline.compress.selection.budget import Limits
from pipeline.compress.selection.pareto_front import choose, dominated, nearest_miss
from pipeline.compress.selection.point import Point
from pipeline.tasks.registry import get

BASELINE = 0.98
GZIP = Limits(0.01)


def point(
    id: str, size: int, accuracy: float, status: str = "ok", **values: object
) -> Point:
    return Point(
        id,
        "baseline",
        "int8",
        status,
        metrics={"accuracy": accuracy},
        bytes_flash=size,
        bytes_gzip=size,
        drop=BASELINE - accuracy,
        **values,
    )


FLOAT = point("float", 100, 0.98)
INT8 = point("int8", 30, 0.975)
QAT = point("qat", 30, 0.98)
TINY = point("tiny", 5, 0.90)
WORSE = point("worse", 40, 0.97)
EXACTLY = point("exactly", 20, 0.97)
BROKEN = point("broken", 1, 0.99, "broken")
FAILED = Point("failed", "baseline", "int8", "failed", metrics={"accuracy": None})


@pytest.mark.parametrize(
    ("points", "expected"),
    [
        ([FLOAT], [False]),
        ([FLOAT, INT8], [False, False]),
        ([FLOAT, QAT], [True, False]),
        ([INT8, QAT], [True, False]),
        ([QAT, QAT], [False, False]),
        ([TINY, INT8, WORSE, FLOAT], [False, False, True, False]),
        ([FLOAT, BROKEN, FAILED], [False, True, True]),
        ([], []),
    ],
)
def test_a_point_is_dominated_by_one_that_is_nowhere_worse(points, expected):
    assert dominated(points, GZIP) == expected


@pytest.mark.parametrize(
    ("points", "max_drop", "max_bytes", "expected"),
    [
        ([FLOAT, INT8, TINY], 0.01, None, "int8"),
        ([FLOAT, INT8, TINY], 0.0, None, "float"),
        ([FLOAT, INT8, TINY], 0.2, None, "tiny"),
        ([FLOAT, EXACTLY, TINY], 0.01, None, "exactly"),  # 0.98 - 0.97 > 0.01
        ([FLOAT, INT8, QAT], 0.01, None, "qat"),  # equal sizes: the more accurate
        ([FLOAT, QAT, replace(QAT, id="twin")], 0.01, None, "qat"),  # equal: the first
        ([FLOAT, INT8, BROKEN, FAILED], 0.01, None, "int8"),
        ([FLOAT, INT8, TINY], 0.01, 30, "int8"),
        ([FLOAT, INT8, TINY], 0.01, 29, None),
        ([BROKEN, FAILED], 0.5, None, None),
        ([], 0.5, None, None),
    ],
)
def test_the_smallest_within_the_budget_is_chosen(
    points, max_drop, max_bytes, expected
):
    chosen = choose(points, Limits(max_drop, max_bytes))
    assert (chosen and chosen.id) == expected


@pytest.mark.parametrize(
    ("points", "max_drop", "max_bytes", "expected"),
    [
        ([FLOAT, INT8, TINY], 0.01, 29, "int8"),  # one byte too large
        ([FLOAT, TINY], 0.01, 4, "tiny"),  # 25 times too large loses to 7 points
        ([INT8, TINY], 0.0, None, "int8"),
        ([INT8, replace(INT8, id="smaller", bytes_flash=20)], 0.0, None, "smaller"),
        ([BROKEN, FAILED], 0.01, None, None),
    ],
)
def test_the_nearest_miss_exceeds_the_budget_least(
    points, max_drop, max_bytes, expected
):
    miss = nearest_miss(points, Limits(max_drop, max_bytes))
    assert (miss and miss.id) == expected


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ({}, "small"),
        ({"max_arena": 500}, "lean"),
        ({"max_arena": 100}, None),
        ({"max_latency_ms": 0.5}, "quick"),
        ({"max_latency_ms": 0.5, "max_arena": 500}, None),
    ],
)
def test_the_other_limits_of_a_budget(limits, expected):
    points = [
        point("small", 10, 0.98, arena_bytes=900),
        point("lean", 20, 0.98, arena_bytes=500),
        point("quick", 30, 0.98, arena_bytes=900),
    ]
    times = {name: {"median": 2.0} for name in ("small", "lean")}
    times["quick"] = {"median": 0.5}
    chosen = choose(points, Limits(0.01, latency=times, **limits))
    assert (chosen and chosen.id) == expected


def test_a_drop_counts_at_the_upper_end_of_its_interval():
    unsure = point("unsure", 10, 0.975, drop_interval=[0.0, 0.011])
    sure = point("sure", 20, 0.975, drop_interval=[0.002, 0.009])
    assert choose([unsure, sure], GZIP).id == "sure"
    assert nearest_miss([unsure], GZIP).id == "unsure"


def test_the_nearest_miss_heeds_every_limit_and_says_which_it_misses():
    far = point("far", 10, 0.98, arena_bytes=2000)
    near = point("near", 20, 0.98, arena_bytes=550)
    limits = Limits(0.01, max_arena=500)
    assert nearest_miss([far, near], limits).id == "near"
    assert limits.violations(near) == ["bytes of arena 550 (allowed: 500)"]
    late = {"far": {"median": 0.6}, "near": {"median": 9.0}}
    limits = Limits(0.01, max_latency_ms=0.5, latency=late)
    assert nearest_miss([near, far], limits).id == "far"
    assert limits.violations(far) == ["latency in ms 0.6 (allowed: 0.5)"]


def test_a_latency_that_was_not_measured_keeps_to_no_limit():
    points = [point("unknown", 10, 0.98), point("slow", 20, 0.98)]
    limits = Limits(0.01, max_latency_ms=1.0, latency={"slow": {"median": 5.0}})
    assert choose(points, limits) is None
    assert nearest_miss(points, limits).id == "slow"
    assert limits.violations(points[0]) == ["latency in ms unknown (allowed: 1)"]


@pytest.mark.parametrize(
    ("task", "allowed", "missed"),
    [
        ("classification", "1.0 points, 3.0 kB raw", "2.0 points lost, at most 3.5"),
        ("regression", "0.010 R2, 3.0 kB raw", "0.020 R2 lost, at most 0.035"),
        ("anomaly_detection", "0.010 AUC, 3.0 kB raw", "0.020 AUC lost, at most 0.035"),
    ],
)
def test_limits_are_told_in_the_unit_of_the_task(task, allowed, missed):
    limits = Limits(0.01, 3000, size_metric="raw", metric=get(task).metric)
    assert limits.describe() == f"a drop of at most {allowed}"
    row = Point(
        "x",
        "baseline",
        "int8",
        "ok",
        drop=0.02,
        drop_interval=[0.0, 0.035],
        bytes_raw=1,
    )
    (told,) = limits.violations(row)
    assert told.startswith(missed)
