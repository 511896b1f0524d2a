"""The reconstruction error of an example, and whether it is above the threshold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from pipeline.metrics.task_metrics import reconstruction_error
from pipeline.tasks.prediction import Row, TaskPrediction
from pipeline.tasks.spec import TaskSpec


def _rows(
    outputs: np.ndarray, stored: np.ndarray, spec: TaskSpec, point: Mapping[str, Any]
) -> list[Row]:
    unknown, threshold = np.zeros(len(outputs)), point["threshold"]
    scores = reconstruction_error(outputs, spec.to_input(stored), unknown)
    return [
        {
            "score": score,
            "threshold": threshold,
            "anomaly": None if threshold is None else score > threshold,
        }
        for score in scores.tolist()
    ]


def _text(row: Row) -> str:
    if row["threshold"] is None:
        return f"score {row['score']:.4g}"
    kind = "anomaly" if row["anomaly"] else "normal "
    return f"{kind}  score {row['score']:.4g}, threshold {row['threshold']:.4g}"


PREDICTION = TaskPrediction(_rows, _text)
