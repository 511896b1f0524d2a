"""How long the files take here: measured when nothing else runs, never hashed.

In: the made variants. Out: what goes to run.json, and words about it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.compress.selection import ledger
from pipeline.compress.selection.pareto_table import BASELINE
from pipeline.inference.interpreter import LiteModel, measure_latency
from pipeline.compress.search import Made
from pipeline.compress.variant import Row, Workshop
from pipeline.tasks.registry import of_document

MEASURED_EXAMPLES = 64  # that take turns
EQUAL = 0.15  # differences below are the machine's
Times = Mapping[str, Mapping[str, float]]


def measure(
    rows: Sequence[Row], made: Sequence[Made], shop: Workshop
) -> dict[str, Any]:
    """Milliseconds of every file and of the states on the way to it.

    Returns:
        `latency_ms`: variant -> median, p10, p90, runs and partitions that a delegate
        took over; `ledger_latency_ms`: variant -> a median for each of its lines;
        `latency_conditions`: threads and runtime.
    """
    ok = [each for each in made if each.row["status"] == "ok"]
    models = {each.variant.id: _open(each, "model", shop) for each in ok}
    states = {
        (each.variant.id, number): _open(each, f"state-{number}", shop)
        for each in ok
        for number in range(1, len(each.ledger))
    }
    raw = shop.data.validation().x[:MEASURED_EXAMPLES]
    times = measure_latency({**models, **states}, raw)
    found = {name: times[name] | models[name].delegated() for name in models}
    return {
        "latency_ms": found,
        "ledger_latency_ms": {each.variant.id: _lines(each, times) for each in ok},
        "latency_conditions": {"threads": shop.threads, "delegate": "default"},
    }


def words(times: Times) -> dict[str, str]:
    """What each file gains over the float baseline: `3.1x faster`, or `no gain`."""
    if BASELINE not in times:
        return {}
    baseline = times[BASELINE]
    return {name: _word(baseline, each) for name, each in times.items()}


def frontier(document: Mapping[str, Any], times: Times) -> list[str]:
    """Files that no other beats in score, size and time at once."""
    size, metric = f"bytes_{document['measure']}", of_document(document).metric
    points = {
        row["id"]: (row[size], times[row["id"]]["median"], -metric.merit(row[metric.key]))
        for row in document["points"]
        if row["id"] in times
    }
    return [
        name
        for name, point in points.items()
        if not any(
            other != point and all(a <= b for a, b in zip(other, point))
            for other in points.values()
        )
    ]


def _word(baseline: Mapping[str, float], each: Mapping[str, float]) -> str:
    """A difference within the spread of either, or below EQUAL, is none."""
    ratio = baseline["median"] / max(each["median"], 1e-9)
    apart = each["p90"] < baseline["p10"] or each["p10"] > baseline["p90"]
    if not apart or abs(ratio - 1) < EQUAL:
        return f"no gain ({ratio:.2f}x)"
    return f"{ratio:.1f}x faster" if ratio > 1 else f"{1 / ratio:.1f}x slower"


def _open(each: Made, name: str, shop: Workshop) -> LiteModel:
    path = shop.of(each.variant) / f"{name}.tflite"
    return LiteModel(path, shop.data.spec, shop.threads)


def _lines(each: Made, times: Mapping[Any, Any]) -> list[float | None]:
    """In the order of ledger.json: the float files, the states, the file."""
    name = each.variant.id
    states = [(name, number) for number in range(1, len(each.ledger))]
    keys = [*ledger.begins(each.variant.source), *states, name]
    return [times[key]["median"] if key in times else None for key in keys]
