"""What the page's charts are drawn from: one JSON value, numbers and plain words.

In: Facts and summary.json's content. Out: a dictionary; a chart whose artifact is
absent is None. Words are formatted here, so that a chart says what the tables say.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.report import words
from pipeline.report.facts import Facts, Row
from pipeline.metrics.metric import Metric

COSTS = ("parameters", "macs", "bytes_int8", "activation_bytes")  # of a trial


def payload(facts: Facts, summary: Mapping[str, Any]) -> dict[str, Any]:
    """Chart -> what it shows.

    Args:
        summary: the content of summary.json.
    """
    return {
        "score": _metric(facts.score),
        "frontier": frontier(facts, summary),
        "ledger": ledger(facts),
        "classes": classes(facts, summary),
        "reliability": reliability(facts, summary),
        "robustness": robustness(facts, summary),
        "search": search(facts),
        "importance": importance(facts),
        "curves": facts.histories or None,
    }


def _metric(metric: Metric) -> dict[str, Any]:
    """What a chart's axis says; `sign` is -1 where lower is better."""
    keys = ("key", "name", "unit", "scale", "sign")
    return {key: getattr(metric, key) for key in keys}


def compared(summary: Mapping[str, Any]) -> list[Row]:
    """The baseline and the chosen (or nearest) file, once each."""
    rows = [summary[role] for role in ("baseline", "chosen", "nearest")]
    return list({row["id"]: row for row in rows if row}.values())


def worths(facts: Facts) -> dict[str, str]:
    """What can be drawn upwards: key -> its name; those that some file has."""
    key, name = facts.score.key, facts.score.name
    named = {
        key: f"test {name}",
        f"validation_{key}": f"validation {name}",
        "macro_f1": "macro F1",
        f"corrupted_{key}": f"{name} when corrupted",
        f"attacked_{key}": f"{name} when attacked",
    }
    rows = facts.rows
    return {k: v for k, v in named.items() if any(r.get(k) is not None for r in rows)}


def frontier(facts: Facts, summary: Mapping[str, Any]) -> dict[str, Any]:
    """A point for each evaluated file."""
    score, upwards = facts.score, worths(facts)
    keys = ("bytes_gzip", "bytes_raw", "latency_ms", "macs", "arena_bytes")
    keys += (*upwards, "dominated", "source", "id")
    budget = facts.pareto["budget"]
    rows = [row for row in facts.rows if row[score.key] is not None]
    points = [
        {key: row.get(key) for key in keys}
        | {"name": words.name(row), "lines": _lines(row, score)}
        | {"interval": row[f"{score.key}_interval"]}
        for row in rows
    ]
    chosen = summary["chosen"]
    return {
        "points": points,
        "worths": upwards,
        "least": score.bound(summary["baseline"][score.key], budget["max_drop"]),
        "budget": budget,
        "baseline": summary["baseline"]["id"],
        "chosen": chosen and chosen["id"],
    }


def _lines(row: Row, score: Metric) -> list[str]:
    """What is shown when a point is hovered over."""
    by = f"{words.change(row, score)} {score.unit}, {words.span_of(row, score)}"
    lines = [
        words.name(row),
        f"{words.size(row['bytes_gzip'])} gzip, {words.size(row['bytes_raw'])} raw",
        f"{words.accuracy(row[score.key])} on test ({by})",
    ]
    if "flips_worse" in row:
        told = f"{row['flips_worse']} became wrong, {row['flips_better']} right"
        lines.append(told)
    if row["latency_ms"] is not None:
        gained = f", {row['speed']}" if row["speed"] else ""
        lines.append(f"{words.latency(row['latency_ms'])} for one example{gained}")
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
    """Corruption or attack -> amounts, and the score of each compared file."""
    document = facts.extras["robustness"]
    if document is None or not document["conditions"]:
        return None
    rows = [row for row in compared(summary) if row["id"] in document["clean"]]
    by_name: dict[str, list[Row]] = {}
    for each in document["conditions"]:
        by_name.setdefault(each["name"], []).append(each)
    return [_condition(found, rows, facts.score.key) for found in by_name.values()]


def _condition(found: list[Row], rows: list[Row], key: str) -> Row:
    """One kind of corruption or attack, at all its amounts."""
    lines = [
        {
            "name": words.name(row),
            "id": row["id"],
            "y": [each[key][row["id"]] for each in found],
        }
        for row in rows
    ]
    told = {name: found[0][name] for name in ("name", "unit", "kind")}
    return {**told, "amounts": [each["amount"] for each in found], "lines": lines}


def search(facts: Facts) -> dict[str, Any] | None:
    """Axes of the parallel coordinates: what differed between trials, and the score.

    Hyperparameters come first, then what they cost.
    """
    scored = [trial for trial in facts.trials if trial["score"] is not None]
    columns = _columns(scored)
    varied = [name for name, found in columns.items() if len(set(found)) > 1]
    if len(scored) < 2 or not varied:
        return None
    scores = [trial["score"] for trial in scored]
    axes = {name: columns[name] for name in varied} | {"score": scores}
    return {
        "axes": [_axis(name, values) for name, values in axes.items()],
        "trials": [str(trial["trial"]) for trial in scored],
        "scores": scores,
        "best": str(facts.best.trial),
    }


def _columns(trials: list[Row]) -> dict[str, list[Any]]:
    """Hyperparameter or cost -> its value in each trial; None where it has none."""
    names = dict.fromkeys(name for trial in trials for name in trial["values"])
    found = {name: [t["values"].get(name) for t in trials] for name in names}
    return found | {name: [t.get(name) for t in trials] for name in COSTS}


def _axis(name: str, values: list[Any]) -> Row:
    """Places on one axis, 0 to 1, and what they mean; words in their order."""
    texts = ["-" if value is None else str(value) for value in values]
    shown = [words.short(text) for text in texts]
    if not all(_is_number(value) for value in values):
        known = sorted(set(texts))
        values = [float(known.index(text)) for text in texts]
    low, high = min(values), max(values)
    width = (high - low) or 1.0
    places = [(value - low) / width for value in values]
    ends = [shown[values.index(low)], shown[values.index(high)]]
    return {"name": name, "places": places, "shown": shown, "ends": ends}


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def importance(facts: Facts) -> dict[str, float] | None:
    """Hyperparameter -> its part of the score's variance, the largest first."""
    found = facts.extras["importance"]
    if not found:
        return None
    kept = {n: v for n, v in found.items() if isinstance(v, int | float)}
    return dict(sorted(kept.items(), key=lambda item: -item[1]))
