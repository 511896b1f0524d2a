"""The test split in the result of `compress-file`.

In: evaluation.json of a folder whose files were compared on validation. Out: one line
with the metric of the float file and of the chosen one on examples that nothing was
decided by; a warning where the float file does far worse there than on validation, as
it does if it was trained on the validation examples.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from pipeline.engine.published import published_json
from pipeline.metrics.metric import Metric

FILE = "evaluation.json"
MARGIN = 0.02  # of the metric, beyond the interval


class EvaluationSchema(BaseModel):
    """Types of evaluation.json that this module relies on."""

    examples: int
    variants: list[dict[str, Any]]


def read(folder: Path) -> dict[str, Any]:
    """Read the rows of the test split: id -> row, and `examples`; else nothing.

    Args:
        folder: as compress-file wrote it.

    Raises:
        UserError: when the file is not the one that was published.
    """
    stage = folder / "evaluate"
    if not (stage / "stage.json").is_file():
        return {}
    document = published_json(stage, FILE, EvaluationSchema)
    rows = {row["id"]: row for row in document["variants"]}
    return {"examples": document["examples"], "rows": rows}


def lines(
    pareto: Mapping[str, Any], test: Mapping[str, Any], metric: Metric
) -> list[str]:
    """Return the lines of the test split; none without one.

    Args:
        pareto: content of pareto.json.
        test: as `read` returns it.
        metric: metric of the task.
    """
    float_row = test.get("rows", {}).get(pareto.get("baseline"))
    if float_row is None:
        return []
    text = f"{test['examples']:,} test examples: float {float_row[metric.key]:.3f}"
    chosen = test["rows"].get(pareto["chosen"])
    if chosen and chosen is not float_row:
        text += f", chosen {chosen[metric.key]:.3f} {_change(chosen, metric)}"
    return [f"test      {text}", *_trained_on_validation(pareto, float_row, metric)]


def _change(row: Mapping[str, Any], metric: Metric) -> str:
    change = metric.change(metric.difference(row["drop"]))
    if not row.get("drop_interval"):
        return f"({change})"
    low, high = metric.differences(row["drop_interval"])
    return f"({change}, {metric.number(low)} to {metric.number(high)})"


def _trained_on_validation(
    pareto: Mapping[str, Any], row: Mapping[str, Any], metric: Metric
) -> list[str]:
    points = {point["id"]: point for point in pareto["points"]}
    validation = points[pareto["baseline"]][metric.key]
    ends = row.get(f"{metric.key}_interval") or [row[metric.key]] * 2
    best = max(ends, key=metric.merit)
    if metric.merit(validation) - metric.merit(best) <= MARGIN:
        return []
    gap = metric.amount(abs(validation - row[metric.key]))
    return [
        f"WARNING   the float file is {gap} better on validation ({validation:.3f}) "
        f"than on test ({row[metric.key]:.3f}): the model was probably trained on "
        "validation examples, so the losses above are too small; name examples that "
        "it has not seen: --validation SOURCE"
    ]
