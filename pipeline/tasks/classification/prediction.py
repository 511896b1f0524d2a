"""The most probable classes of an example."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from pipeline.tasks.prediction import Row, TaskPrediction
from pipeline.tasks.spec import TaskSpec

MAX_CLASSES = 3


def _rows(
    outputs: np.ndarray, stored: np.ndarray, spec: TaskSpec, point: Mapping[str, Any]
) -> list[Row]:
    return [{"classes": _most_probable(logits, spec)} for logits in outputs]


def _most_probable(logits: np.ndarray, spec: TaskSpec) -> dict[str, float]:
    p = np.exp(np.float64(logits) - logits.max())
    order = np.argsort(-p, kind="stable")[:MAX_CLASSES]
    return {spec.classes[index]: float(p[index] / p.sum()) for index in order}


def _text(row: Row) -> str:
    if "keywords" in row:
        return _timeline(row["keywords"])
    first, *others = (f"{name} {p:.3f}" for name, p in row["classes"].items())
    return first + (f"   then {', '.join(others)}" if others else "")


def _timeline(keywords: list[Row]) -> str:
    """A line per keyword of a recording: its time, name and score."""
    if not keywords:
        return "no keyword"
    lines = [f"{row['time']:9.2f} s  {row['keyword']}" for row in keywords]
    scores = [f"   score {row['score']:.2f}" for row in keywords]
    return "".join(f"\n{line}{score}" for line, score in zip(lines, scores))


PREDICTION = TaskPrediction(_rows, _text)
