"""What the templates of page and card are given."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pipeline.compress.selection.budget import read_limits
from pipeline.report.facts import Facts, Row

FIRST = dict.fromkeys(("trial", "score", "status"))  # columns of the search
HIDDEN_TRIAL_COLUMNS = {"status": "ok", "reason": ""}  # where all trials have these


def context(facts: Facts, summary: Mapping[str, Any]) -> dict[str, Any]:
    """Name -> value, for a template.

    Args:
        summary: the content of summary.json.
    """
    records = facts.records
    settings = records["compress"].parts["settings"]
    return {
        "facts": facts,
        "summary": summary,
        **{role: summary[role] for role in ("chosen", "baseline", "nearest")},
        "command": summary["command"],
        "score": facts.score,
        "allowed": facts.score.amount(facts.pareto["budget"]["max_drop"]),
        "limits": read_limits(facts.pareto["budget"], facts.score).words(),
        "best_hash": records["compress"].outputs.get("best.tflite"),
        "data": records["data"].metrics,
        "host": records["compress"].run,
        "settings": ", ".join(f"{key} {value}" for key, value in settings.items()),
        "libraries": ", ".join(f"{k} {v}" for k, v in libraries(facts).items()),
        "common": in_common(records["data"].metrics),
        "trials": trial_table(facts.trials),
        "checksums": checksums(facts),
        "parameters": json.dumps(
            {name: record.parts["params"] for name, record in records.items()}, indent=2
        ),
    }


def libraries(facts: Facts) -> dict[str, str]:
    """Name -> version of everything that any stage imported."""
    found: dict[str, str] = {}
    for record in facts.records.values():
        found |= record.parts["libraries"]
    return dict(sorted(found.items(), key=lambda item: item[0].lower()))


def in_common(metrics: Mapping[str, Any]) -> dict[str, int]:
    """Two splits -> how many examples they have in common."""
    shared = metrics.get("duplicates", {})
    names = ("train_validation", "train_test", "validation_test")
    return {n.replace("_", " and "): shared[n] for n in names if n in shared}


def trial_table(trials: list[Row]) -> list[dict[str, str]]:
    """A row of text a trial: what came of it, its hyperparameters, the reason.

    Left out is what has no room (the curve), no value in any trial, and the status
    where every trial went well.
    """
    rows = [_flat(trial) for trial in trials]
    names = dict.fromkeys(
        key for row in ({**FIRST, **row} for row in rows) for key in row
    )
    texts = [{name: _text(row.get(name)) for name in names} for row in rows]
    worth = [
        name
        for name in names
        if any(row[name] != HIDDEN_TRIAL_COLUMNS.get(name, "") for row in texts)
    ]
    return [{name: row[name] for name in worth} for row in texts]


def _flat(trial: Row) -> Row:
    own = {k: v for k, v in trial.items() if not isinstance(v, list | dict)}
    reason = {"reason": own.pop("reason", None)}
    return {**own, **trial["values"], **reason}


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def checksums(facts: Facts) -> str:
    """Lines for `sha256sum -c` in the experiment's folder."""
    return "\n".join(
        f"{digest}  {stage}/{name}"
        for stage, record in facts.records.items()
        for name, digest in sorted(record.outputs.items())
    )
