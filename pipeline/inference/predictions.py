"""Predictions of one task as rows, and in words.

In: outputs of the interpreter, `(n, ...)`. Out: one row per example: `classes`, the
most probable first; or `number` and its `name`; or `score`, `threshold` and `anomaly`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from pipeline.data.measure import measure_of
from pipeline.data.spec import TaskSpec
from pipeline.scores import ANOMALIES, CLASSES, NUMBERS

SHOWN_CLASSES = 3
Row = dict[str, Any]


def rows_of(
    outputs: np.ndarray, stored: np.ndarray, spec: TaskSpec, point: Row
) -> list[Row]:
    """One row per example.

    Args:
        outputs: of the interpreter, `(n, ...)`.
        stored: the examples after preprocessing, `(n, *spec.shape)`.
        spec: of the data.
        point: the file's row of pareto.json, with its `threshold` for anomalies.
    """
    return ROWS[spec.task](outputs, stored, spec, point)


def in_words(row: Row) -> str:
    """One row for the terminal, without the name of the input."""
    if "number" in row:
        return f"{row['name']} {row['number']:.4g}"
    if "score" in row:
        if row["threshold"] is None:
            return f"score {row['score']:.4g}"
        kind = "anomaly" if row["anomaly"] else "normal "
        return f"{kind}  score {row['score']:.4g}, threshold {row['threshold']:.4g}"
    first, *others = (f"{c} {p:.3f}" for c, p in row["classes"].items())
    return first + (f"   then {', '.join(others)}" if others else "")


def _class_rows(
    outputs: np.ndarray, stored: np.ndarray, spec: TaskSpec, point: Row
) -> list[Row]:
    return [{"classes": _most_probable(logits, spec)} for logits in outputs]


def _most_probable(logits: np.ndarray, spec: TaskSpec) -> dict[str, float]:
    """Class -> its probability, by softmax in float64, the most probable first."""
    p = np.exp(np.float64(logits) - logits.max())
    order = np.argsort(-p, kind="stable")[:SHOWN_CLASSES]
    return {spec.classes[index]: float(p[index] / p.sum()) for index in order}


def _number_rows(
    outputs: np.ndarray, stored: np.ndarray, spec: TaskSpec, point: Row
) -> list[Row]:
    """Numbers in the unit of the data: the model predicts standardized ones."""
    name = spec.target["name"]
    numbers = np.float64(outputs[:, 0]) * spec.target["deviation"] + spec.target["mean"]
    return [{"name": name, "number": number} for number in numbers.tolist()]


def _anomaly_rows(
    outputs: np.ndarray, stored: np.ndarray, spec: TaskSpec, point: Row
) -> list[Row]:
    """Reconstruction errors, compared with the threshold chosen on validation."""
    unknown, threshold = np.zeros(len(outputs)), point["threshold"]
    scores = measure_of(spec).evidence(outputs, spec.to_input(stored), unknown)
    return [
        {
            "score": score,
            "threshold": threshold,
            "anomaly": None if threshold is None else score > threshold,
        }
        for score in scores.tolist()
    ]


ROWS: dict[str, Callable[[np.ndarray, np.ndarray, TaskSpec, Row], list[Row]]] = {
    CLASSES: _class_rows,
    NUMBERS: _number_rows,
    ANOMALIES: _anomaly_rows,
}
