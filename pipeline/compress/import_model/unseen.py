"""Limits of what the validation examples say about an imported model.

In: published data. Out: sentences for the table of results: which examples files
are compared on, and whether the model may have been trained on them.
"""

from __future__ import annotations

from typing import Any

from pipeline.core.json_io import read_json
from pipeline.core.wording import quantity
from pipeline.data.artifact import Data
from pipeline.tasks.registry import task_of

ADVICE = "name examples that it has not seen: --validation SOURCE"


def cautions(data: Data) -> list[str]:
    """Return what limits the meaning of the results; empty where nothing does.

    Args:
        data: published data.
    """
    metrics = read_json(data.folder / "metrics.json")
    examples = metrics["examples"]
    if task_of(data.spec).labels == "none":
        return [_without_labels(examples)]
    sentences = [_drawn(data)] if metrics["origins"]["validation"] == "drawn" else []
    return [*sentences, *_shared(metrics)]


def _without_labels(examples: dict[str, int]) -> str:
    count = quantity(examples["validation"], "example")
    return (
        f"files are compared with the float model on {count} without labels; agreement "
        "does not tell how good the float model is"
    )


def _drawn(data: Data) -> str:
    return (
        f"files are compared on a random part of {data.spec.source}: if the "
        "model was trained on this source, its results look better than they are, and "
        f"its losses smaller; {ADVICE}"
    )


def _shared(metrics: dict[str, Any]) -> list[str]:
    """Validation examples that are among the training examples, too."""
    shared = metrics.get("duplicates", {}).get("train_validation", 0)
    if not shared:
        return []
    total = quantity(metrics["examples"]["validation"], "example")
    return [
        f"of the {total} of validation, {shared:,} are training examples, too; "
        "--set data.duplicates=drop leaves them out of training"
    ]
