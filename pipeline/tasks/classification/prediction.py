"""The most probable classes of an example."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from pipeline.tasks.prediction import Row, TaskPrediction
from pipeline.tasks.spec import TaskSpec

SHOWN = 3  # classes


def _rows(
    outputs: np.ndarray, stored: np.ndarray, spec: TaskSpec, point: Mapping[str, Any]
) -> list[Row]:
    return [{"classes": _most_probable(logits, spec)} for logits in outputs]


def _most_probable(logits: np.ndarray, spec: TaskSpec) -> dict[str, float]:
    p = np.exp(np.float64(logits) - logits.max())
    order = np.argsort(-p, kind="stable")[:SHOWN]
    return {spec.classes[at]: float(p[at] / p.sum()) for at in order}


def _text(row: Row) -> str:
    first, *others = (f"{name} {p:.3f}" for name, p in row["classes"].items())
    return first + (f"   then {', '.join(others)}" if others else "")


PREDICTION = TaskPrediction(_rows, _text)
