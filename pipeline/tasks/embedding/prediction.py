"""The nearest enrolled identity of an example, or its vector where none is enrolled."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from pipeline.tasks.embedding.distances import distances, normalized
from pipeline.tasks.prediction import Enrolment, Row, TaskPrediction
from pipeline.tasks.spec import TaskSpec

SHOWN = 4  # numbers of a vector in a line of text


def _rows(
    outputs: np.ndarray, stored: np.ndarray, spec: TaskSpec, point: Mapping[str, Any]
) -> list[Row]:
    return [{"embedding": vector.tolist()} for vector in normalized(outputs)]


def _nearest(
    outputs: np.ndarray, enrolled: Enrolment, point: Mapping[str, Any]
) -> list[Row]:
    away = distances(normalized(outputs), normalized(enrolled.outputs))
    limit = point.get("threshold")
    return [_row(row, enrolled, limit) for row in away.astype(np.float64)]


def _row(away: np.ndarray, enrolled: Enrolment, limit: float | None) -> Row:
    best = int(away.argmin())
    name, distance = enrolled.identities[best], max(float(away[best]), 0.0)
    return {
        "identity": name if limit is None or distance <= limit else None,
        "nearest": name,
        "distance": distance,
        "threshold": limit,
        "example": enrolled.names[best],
    }


def _text(row: Row) -> str:
    if "embedding" in row:
        numbers = ", ".join(f"{value:.3f}" for value in row["embedding"][:SHOWN])
        count = len(row["embedding"])
        return f"{count} numbers: {numbers}, ...; to compare: --enrol FOLDER"
    limit = "none" if row["threshold"] is None else f"{row['threshold']:.3f}"
    found = f"distance {row['distance']:.3f}, threshold {limit}"
    if row["identity"] is None:
        return f"unknown  nearest is {row['nearest']}, {found}"
    return f"{row['identity']}  {found}"


PREDICTION = TaskPrediction(_rows, _text, nearest=_nearest)
