"""What the templates of page and card are given."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pipeline.report.facts import Facts

HIDDEN_TRIAL_COLUMNS = {"status": "completed", "reason": ""}


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
        "allowed": f"{100 * facts.pareto['budget']['max_drop']:.1f}",
        "best_hash": records["compress"].outputs.get("best.tflite"),
        "data": records["data"].metrics,
        "host": records["compress"].run,
        "settings": ", ".join(f"{key} {value}" for key, value in settings.items()),
        "libraries": ", ".join(f"{k} {v}" for k, v in libraries(facts).items()),
        "common": in_common(records["data"].metrics),
        "trial_columns": trial_columns(facts.trials),
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


def trial_columns(trials: list[dict[str, str]]) -> list[str]:
    """Columns worth showing: not the status where every trial was completed."""
    names = list(trials[0]) if trials else []
    return [
        name
        for name in names
        if any(trial[name] != HIDDEN_TRIAL_COLUMNS.get(name) for trial in trials)
    ]


def checksums(facts: Facts) -> str:
    """Lines for `sha256sum -c` in the experiment's folder."""
    return "\n".join(
        f"{digest}  {stage}/{name}"
        for stage, record in facts.records.items()
        for name, digest in sorted(record.outputs.items())
    )
