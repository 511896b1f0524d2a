"""Steps of a recipe that lose more than the step before them.

In: the lines of ledger.json, the float baseline first. Out: a phrase per step.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from pipeline.engine.published import published_json
from pipeline.metrics.metric import Metric

FILE = "ledger.json"
SMALL = 0.005  # of the metric: a smaller loss may be chance


class LedgerSchema(BaseModel):
    """Types of ledger.json that this module relies on."""

    variants: dict[str, list[dict[str, Any]]]


def read(compress: Path) -> dict[str, list[dict[str, Any]]]:
    """Read the lines of every variant; none where there is no ledger.

    Args:
        compress: published folder of the stage.
    """
    if not (compress / FILE).is_file():
        return {}
    variants: dict[str, list[dict[str, Any]]]
    variants = published_json(compress, FILE, LedgerSchema)["variants"]
    return variants


def phrases(lines: Sequence[Mapping[str, Any]], metric: Metric) -> list[str]:
    """Name the steps that lose more than the one before, with both losses.

    Args:
        lines: of one variant, the float file first.
        metric: metric of the task.

    Returns:
        Phrases such as `cqat lost 2.4 points (quantize_weights(4): 0.3)`.
    """
    measured = [line.get(metric.key) for line in lines]
    values = [float(value) for value in measured if value is not None]
    if len(values) < len(measured):
        return []
    drops = [metric.drop(after, before) for before, after in pairwise(values)]
    steps = [str(line["step"]) for line in lines[1:]]
    return [
        f"{steps[k]} lost {metric.amount(drops[k])} "
        f"({steps[k - 1]}: {metric.bare(drops[k - 1])})"
        for k in range(1, len(drops))
        if drops[k] > max(drops[k - 1], 0.0) + SMALL
    ]
