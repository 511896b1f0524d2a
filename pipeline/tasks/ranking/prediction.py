"""The items with the highest scores, without those that the user has taken."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from pipeline.tasks.prediction import Row, TaskPrediction
from pipeline.tasks.ranking.ranks import TOP, top
from pipeline.tasks.ranking_rows import TRIPLE, RankingRows, rows_of
from pipeline.tasks.spec import TaskSpec

SHOWN = 5  # items in a line of text


def _rows(
    outputs: np.ndarray, stored: np.ndarray, spec: TaskSpec, point: Mapping[str, Any]
) -> list[Row]:
    step = rows_of(spec)
    assert step is not None
    count = TOP if step.reads == TRIPLE else len(step.items)
    return [
        {"items": _items(scores, row, items, step)}
        for scores, row, items in zip(outputs, stored, top(outputs, count))
    ]


def _items(
    scores: np.ndarray, row: np.ndarray, items: np.ndarray, step: RankingRows
) -> dict[str, float]:
    leaves_out = step.reads != TRIPLE and not step.repeats
    taken = set(step.positions(row)) if leaves_out else set()
    return {step.items[k]: float(scores[k]) for k in items if k not in taken}


def _located(row: Row, facts: Mapping[str, Any]) -> Row:
    """Add what was asked for; leave out what the user has taken."""
    asked = {key: facts[key] for key in ("user", "head", "relation") if key in facts}
    unknown = {"unknown": facts["unknown"]} if facts["unknown"] else {}
    left = [name for name in row["items"] if name not in facts["taken"]]
    return {**asked, **unknown, "items": {n: row["items"][n] for n in left[:TOP]}}


def _text(row: Row) -> str:
    names = [*row["items"]][:SHOWN]
    scores = "  ".join(f"{name} {row['items'][name]:.3f}" for name in names)
    new = (
        f"  (not in training: {', '.join(row['unknown'])})" if "unknown" in row else ""
    )
    return f"{scores}{new}"


PREDICTION = TaskPrediction(_rows, _text, _located)
