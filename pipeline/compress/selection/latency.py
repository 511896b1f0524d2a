"""Latency of the files on this machine: measured when nothing else runs, never hashed.

In: the built variants. Out: milliseconds for run.json, and phrases about them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.compress.selection import ledger
from pipeline.compress.selection.budget import Limits, Times
from pipeline.compress.selection.pareto_table import BASELINE
from pipeline.compress.selection.point import Point
from pipeline.compress.variant import BuildContext, VariantResult
from pipeline.inference.interpreter import LiteModel, measure_latency

EXAMPLES = 64  # raw examples that are run in turn
NOISE = 0.15  # smaller relative differences are attributed to the machine


def measure(results: Sequence[VariantResult], context: BuildContext) -> dict[str, Any]:
    """Measure every file, and the model after each of its steps.

    Args:
        results: all variants; those without a valid file are left out.
        context: data and folders of the variants.

    Returns:
        `latency_ms`: id -> median, p10, p90, number of runs and of delegated
        partitions; `ledger_latency_ms`: id -> a median per line of its ledger, None
        where it was not measured; `latency_conditions`: threads and delegate.
    """
    valid = [result for result in results if result.row.status == "ok"]
    files = {result.variant.id: _open(result, "model", context) for result in valid}
    states = {
        (result.variant.id, number): _open(result, f"state-{number}", context)
        for result in valid
        for number in range(1, len(result.ledger))
    }
    raw = context.data.validation().x[:EXAMPLES]
    times: Mapping[Any, Any] = measure_latency({**files, **states}, raw)  # type: ignore[dict-item]
    return {
        "latency_ms": {id: times[id] | files[id].delegated() for id in files},
        "ledger_latency_ms": {
            result.variant.id: _ledger_medians(result, times) for result in valid
        },
        "latency_conditions": {"threads": context.threads, "delegate": "default"},
    }


def words(times: Times) -> dict[str, str]:
    """Compare each file with the float baseline.

    Args:
        times: id -> median, p10 and p90 in milliseconds.

    Returns:
        id -> a phrase such as `3.1x faster` or `no measurable difference`; empty
        without a measured baseline.
    """
    if BASELINE not in times:
        return {}
    baseline = times[BASELINE]
    return {id: _speedup_text(baseline, file) for id, file in times.items()}


def frontier(points: Sequence[Point], limits: Limits, times: Times) -> list[str]:
    """Find the Pareto front of metric, size and latency.

    Args:
        points: all points; those without a measured latency are left out.
        limits: define the metric and the size that are compared.
        times: id -> `median` in milliseconds.

    Returns:
        Ids of the files that no other beats in all three at once.
    """
    costs = {
        point.id: (
            limits.size(point),
            times[point.id]["median"],
            -limits.metric.merit(point.metrics[limits.metric.key] or 0.0),
        )
        for point in points
        if point.id in times
    }
    return [
        id
        for id, cost in costs.items()
        if not any(
            other != cost and all(a <= b for a, b in zip(other, cost))
            for other in costs.values()
        )
    ]


def _speedup_text(baseline: Mapping[str, float], file: Mapping[str, float]) -> str:
    """A difference within the spread of either, or below NOISE, is not measurable."""
    ratio = baseline["median"] / max(file["median"], 1e-9)
    distinct = file["p90"] < baseline["p10"] or file["p10"] > baseline["p90"]
    if not distinct or abs(ratio - 1) < NOISE:
        return "no measurable difference"
    return f"{ratio:.1f}x faster" if ratio > 1 else f"{1 / ratio:.1f}x slower"


def _open(result: VariantResult, name: str, context: BuildContext) -> LiteModel:
    path = context.folder_of(result.variant) / f"{name}.tflite"
    return LiteModel(path, context.data.spec, context.threads)


def _ledger_medians(
    result: VariantResult, times: Mapping[Any, Any]
) -> list[float | None]:
    """In the order of ledger.json: the float files, the states, the file."""
    id = result.variant.id
    states = [(id, number) for number in range(1, len(result.ledger))]
    keys = [*ledger.float_ids(result.variant.source), *states, id]
    return [times[key]["median"] if key in times else None for key in keys]
