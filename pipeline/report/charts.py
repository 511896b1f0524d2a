"""What the page's charts are drawn from: one JSON value, numbers and plain words.

In: Facts and summary.json's content. Out: a dictionary; a chart whose artifact is
absent is None. Words are formatted here, so that a chart says what the tables say.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.report import words
from pipeline.report.extras import number
from pipeline.report.facts import Facts, Row

OUTCOMES = ("score", "status", "reason", "loss", "epoch", "epochs", "seed", "spread")
COSTS = ("weights", "parameters", "macs", "bytes_int8")


def payload(facts: Facts, summary: Mapping[str, Any]) -> dict[str, Any]:
    """Chart -> what it shows.

    Args:
        summary: the content of summary.json.
    """
    return {
        "frontier": frontier(facts, summary),
        "ledger": ledger(facts),
        "classes": classes(facts, summary),
        "reliability": reliability(facts, summary),
        "robustness": robustness(facts, summary),
        "search": search(facts),
        "importance": importance(facts),
        "curves": facts.histories or None,
    }


def compared(summary: Mapping[str, Any]) -> list[Row]:
    """The baseline and the chosen (or nearest) file, once each."""
    rows = [summary[role] for role in ("baseline", "chosen", "nearest")]
    return list({row["id"]: row for row in rows if row}.values())


def frontier(facts: Facts, summary: Mapping[str, Any]) -> dict[str, Any]:
    """A point for each evaluated file."""
    keys = ("bytes_gzip", "bytes_raw", "latency_ms", "macs", "arena_bytes")
    keys += ("accuracy", "validation_accuracy", "corrupted_accuracy")
    keys += ("attacked_accuracy", "macro_f1", "dominated", "source", "id")
    budget = facts.pareto["budget"]
    rows = [row for row in facts.rows if row["accuracy"] is not None]
    least = summary["baseline"]["accuracy"] - budget["max_drop"]
    points = [
        {key: row.get(key) for key in keys}
        | {"name": words.name(row), "lines": _lines(row)}
        | {"interval": row["accuracy_interval"]}
        for row in rows
    ]
    chosen = summary["chosen"]
    return {
        "points": points,
        "least": least,
        "budget": budget,
        "baseline": summary["baseline"]["id"],
        "chosen": chosen and chosen["id"],
    }


def _lines(row: Row) -> list[str]:
    """What is shown when a point is hovered over."""
    low = f"{words.change(row)} points, {words.change_span(row)}"
    lines = [
        words.name(row),
        f"{words.size(row['bytes_gzip'])} gzip, {words.size(row['bytes_raw'])} raw",
        f"{words.accuracy(row['accuracy'])} on test ({low})",
        f"{row['flips_worse']} became wrong, {row['flips_better']} right",
    ]
    if row["latency_ms"] is not None:
        lines.append(f"{words.latency(row['latency_ms'])} for one example")
    return lines


def ledger(facts: Facts) -> dict[str, Any] | None:
    """Variant -> the state after each step, with latency where it was measured."""
    document = facts.extras["ledger"]
    if document is None:
        return None
    volatile = facts.records["compress"].run["volatile"]
    times = volatile.get("ledger_latency_ms", {})
    found = []
    for row in facts.rows:
        steps = document["variants"].get(row["id"])
        if steps:
            late = times.get(row["id"]) or [None] * len(steps)
            told = [
                {**step, "latency_ms": ms}
                for step, ms in zip(steps, late, strict=False)
            ]
            found.append({"id": row["id"], "name": words.name(row), "steps": told})
    return {"variants": found, "chosen": facts.pareto["chosen"]} if found else None


def classes(facts: Facts, summary: Mapping[str, Any]) -> dict[str, Any] | None:
    """Recall of each class before and after, most lost first."""
    after = compared(summary)[-1]
    before = summary["baseline"]
    if after is before or "recall_change" not in after:
        return None
    names, changes = facts.spec.classes, after["recall_change"]
    order = sorted(
        (at for at, change in enumerate(changes) if change),
        key=lambda at: (changes[at]["value"], at),
    )
    return {
        "name": words.name(after),
        "names": [names[at] for at in order],
        "before": [before["recall"][at] for at in order],
        "after": [after["recall"][at] for at in order],
        "change": [changes[at]["value"] for at in order],
        "interval": [changes[at]["interval"] for at in order],
    }


def reliability(facts: Facts, summary: Mapping[str, Any]) -> list[Row] | None:
    """Reliability diagrams of the baseline and the chosen file."""
    document = facts.extras["calibration"]
    if document is None:
        return None
    rows = [row for row in compared(summary) if row["id"] in document["variants"]]
    return [
        {
            "name": words.name(row),
            "ece": words.accuracy(row["ece"]),
            "scaled_ece": words.accuracy(row["ece_scaled"]),
            "temperature": f"{row['temperature']:.2f}",
            **document["variants"][row["id"]],
        }
        for row in rows
    ]


def robustness(facts: Facts, summary: Mapping[str, Any]) -> list[Row] | None:
    """Corruption or attack -> amounts, and the accuracy of each compared file."""
    document = facts.extras["robustness"]
    if document is None or not document["conditions"]:
        return None
    rows = [row for row in compared(summary) if row["id"] in document["clean"]]
    names = dict.fromkeys(each["name"] for each in document["conditions"])
    found = []
    for name in names:
        conditions = [each for each in document["conditions"] if each["name"] == name]
        lines = [
            {
                "name": words.name(row),
                "id": row["id"],
                "y": [each["accuracy"][row["id"]] for each in conditions],
            }
            for row in rows
        ]
        amounts = [each["amount"] for each in conditions]
        first = conditions[0]
        told = {"name": name, "unit": first["unit"], "kind": first["kind"]}
        found.append({**told, "amounts": amounts, "lines": lines})
    return found


def search(facts: Facts) -> dict[str, Any] | None:
    """Axes of the parallel coordinates: what differed between trials, and the score."""
    scored = [t for t in facts.trials if number(t.get("score", "")) is not None]
    names = list(scored[0]) if scored else []
    wanted = [n for n in names if n not in (*OUTCOMES, "trial")]
    varied = [n for n in wanted if len({trial[n] for trial in scored}) > 1]
    varied.sort(key=lambda name: name in COSTS)
    if len(scored) < 2 or not varied:
        return None
    return {
        "axes": [_axis(name, scored) for name in [*varied, "score"]],
        "trials": [trial["trial"] for trial in scored],
        "scores": [number(trial["score"]) for trial in scored],
        "best": str(facts.best.trial),
    }


def _axis(name: str, trials: list[dict[str, str]]) -> Row:
    """Places on one axis, 0 to 1, and what they mean; words in their order."""
    texts = [trial[name] for trial in trials]
    values = [number(text) for text in texts]
    shown = [words.short(text) for text in texts]
    if any(value is None for value in values):
        known = sorted(set(texts))
        values = [float(known.index(text)) for text in texts]
    low, high = min(values), max(values)
    width = (high - low) or 1.0
    places = [(value - low) / width for value in values]
    ends = [shown[values.index(low)], shown[values.index(high)]]
    return {"name": name, "places": places, "shown": shown, "ends": ends}


def importance(facts: Facts) -> dict[str, float] | None:
    """Hyperparameter -> its part of the score's variance, the largest first."""
    found = facts.extras["importance"]
    if not found:
        return None
    kept = {n: v for n, v in found.items() if isinstance(v, int | float)}
    return dict(sorted(kept.items(), key=lambda item: -item[1]))
