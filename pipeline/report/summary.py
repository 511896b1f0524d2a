"""summary.json: the verdict, for the terminal and for programs."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import Any

from pipeline.compress.frontier import nearest_miss
from pipeline.report.facts import ON_VALIDATION, Facts, Row


def summarize(facts: Facts, overrides: Sequence[str] = ()) -> dict[str, Any]:
    """What was chosen, against what, under which budget.

    Args:
        overrides: `--set` texts that the experiment was run with.

    Returns:
        `chosen`, `baseline` and `nearest` are rows of Facts, `variants` are all of
        them, the smallest file first. `chosen` is None when no file meets the
        budget, and `nearest` is None when one does.
    """
    chosen = facts.row(facts.pareto["chosen"])
    return {
        "experiment": facts.experiment,
        "command": command(facts.experiment, overrides),
        "examples": facts.evaluation["examples"],
        "budget": facts.pareto["budget"],
        "baseline": facts.row(facts.pareto["baseline"]),
        "chosen": chosen,
        "variants": facts.rows,
        "nearest": None if chosen else _nearest(facts),
    }


def command(experiment: str, overrides: Sequence[str]) -> str:
    """What to type to get this result again."""
    sets = " ".join(map(shlex.quote, overrides))
    return f"make all EXP={experiment}" + (f" SET={shlex.quote(sets)}" if sets else "")


def _nearest(facts: Facts) -> Row | None:
    """The file that exceeds the budget least; on validation, as compress judges."""
    budget = facts.pareto["budget"]
    points = [
        row | {key: row[f"validation_{key}"] for key in ON_VALIDATION}
        for row in facts.rows
    ]
    size = f"bytes_{budget['measure']}"
    miss = nearest_miss(points, size, budget["max_drop"], budget["max_bytes"])
    return miss and facts.row(miss["id"])
