"""Check the metrics of two runs against the rules of `tolerance`.

In: two snapshots. Out: the metrics that are out of tolerance, and those that differ and
are allowed to.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.engine.fingerprint import show
from pipeline.reproduce.snapshot import Snapshot
from pipeline.reproduce.tolerance import (
    DEFAULT,
    KINDS,
    ROUNDING,
    Rule,
    flat_metrics,
    rule_of,
)


@dataclass(frozen=True)
class Change:
    """A metric that differs, with a line of text about it."""

    stage: str
    text: str


@dataclass(frozen=True)
class MetricChanges:
    """All metrics that differ.

    Args:
        exceeded: out of tolerance.
        reported: different, and allowed to be.
    """

    exceeded: list[Change]
    reported: list[Change]


def check_metrics(before: Snapshot, after: Snapshot) -> MetricChanges:
    """Compare the metrics of all stages that both snapshots have.

    Args:
        before: the reference, which states the tolerance.
        after: the run to be checked.
    """
    allowed = _allowed(before)
    stages = [name for name in before.entries if name in after.entries]
    old, new = (_flat_metrics(snapshot, stages) for snapshot in (before, after))
    result = MetricChanges([], [])
    for name in sorted({*old, *new}):
        if old.get(name) != new.get(name):
            _check_one(name, old, new, allowed, result)
    return result


def _allowed(snapshot: Snapshot) -> dict[str, float]:
    """Allowed differences: absolute for points, relative for the other kinds."""
    stated = {**DEFAULT, **snapshot.tolerance}
    images = stated["images"] / _images(snapshot)
    points = max(stated["points"] / 100, images)
    relative = {kind: stated[kind] / 100 for kind in ("loss", "size")}
    return {"points": points, "rounding": ROUNDING, **relative}


def _images(snapshot: Snapshot) -> float:
    """Number of examples in the smaller of the validation and test splits."""
    data = snapshot.entries.get("data")
    counts = data.metrics.get("examples", {}) if data else {}
    named = counts if isinstance(counts, Mapping) else {}
    sizes = [named.get(name, 0) for name in ("validation", "test")]
    return min((float(n) for n in sizes if _numbers(n) and n > 0), default=math.inf)


def _flat_metrics(snapshot: Snapshot, stages: Iterable[str]) -> dict[str, Any]:
    metrics: dict[str, Any] = {}
    for stage in stages:
        metrics |= flat_metrics(snapshot.entries[stage].metrics, stage)
    return metrics


def _check_one(
    name: str,
    old: Mapping[str, Any],
    new: Mapping[str, Any],
    allowed: Mapping[str, float],
    result: MetricChanges,
) -> None:
    rule = rule_of(name) or Rule(name, "exact", "no rule names it")
    stage, change = name.partition(".")[0], _change(name, old, new)
    if rule.kind == "reported":
        result.reported.append(Change(stage, f"{change} ({rule.reason})"))
    elif old.get(rule.choice) != new.get(rule.choice):
        choice = _change(rule.choice, old, new)
        result.reported.append(Change(stage, f"{change} (follows {choice})"))
    elif not _within(rule.kind, old.get(name), new.get(name), allowed):
        text = f"{change} ({_limit(rule.kind, allowed)})"
        result.exceeded.append(Change(stage, text))


def _change(name: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    return f"{name} {show(old.get(name))} -> {show(new.get(name))}"


def _limit(kind: str, allowed: Mapping[str, float]) -> str:
    if kind in ("exact", "rounding"):
        return KINDS[kind]
    unit = "points" if kind == "points" else "%"
    return f"may differ by {100 * allowed[kind]:.2g} {unit}"


def _within(kind: str, old: Any, new: Any, allowed: Mapping[str, float]) -> bool:
    if kind == "exact" or not _numbers(old, new):
        return False
    limit = allowed[kind] * (1 if kind == "points" else abs(old))
    return abs(new - old) <= limit + 1e-9


def _numbers(*values: Any) -> bool:
    return all(
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and math.isfinite(value)
        for value in values
    )
