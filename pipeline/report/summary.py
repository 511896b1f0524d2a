"""summary.json: the verdict, for the terminal and for programs."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import Any

from pipeline.compress.selection.pareto_front import nearest_miss
from pipeline.compress.selection.budget import read_limits
from pipeline.report.facts import Facts, Row, on_validation
from pipeline.scores import named


def summarize(facts: Facts, overrides: Sequence[str] = ()) -> dict[str, Any]:
    """What was chosen, against what, under which budget.

    Args:
        overrides: `--set` texts that the experiment was run with.

    Returns:
        `chosen`, `baseline` and `nearest` are rows of Facts, `variants` are all of
        them, the smallest file first. `chosen` is None when no file meets the
        budget, and `nearest` is None when one does. `missed` says which limits the
        nearest one does not keep to, by how much.
    """
    chosen = facts.row(facts.pareto["chosen"])
    nearest, missed = (None, []) if chosen else _nearest(facts)
    return {
        **named(facts.spec.task),
        "experiment": facts.experiment,
        "command": command(facts.experiment, overrides),
        "examples": facts.evaluation["examples"],
        "budget": facts.pareto["budget"],
        "baseline": facts.row(facts.pareto["baseline"]),
        "chosen": chosen,
        "variants": facts.rows,
        "nearest": nearest,
        "missed": missed,
    }


def command(experiment: str, overrides: Sequence[str]) -> str:
    """What to type to get this result again."""
    sets = " ".join(map(shlex.quote, overrides))
    return f"make all EXP={experiment}" + (f" SET={shlex.quote(sets)}" if sets else "")


def _nearest(facts: Facts) -> tuple[Row | None, list[str]]:
    """The file that exceeds the budget least; on validation, as compress judges."""
    names = {f"validation_{key}": key for key in on_validation(facts.score)}
    points = [row | {key: row[own] for own, key in names.items()} for row in facts.rows]
    times = {
        row["id"]: {"median": row["latency_ms"]}
        for row in facts.rows
        if row["latency_ms"] is not None
    }
    limits = read_limits(facts.pareto["budget"], facts.score, times)
    miss = nearest_miss(points, limits)
    return (facts.row(miss["id"]), limits.missed(miss)) if miss else (None, [])
