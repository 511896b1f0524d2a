"""The predicted number, in the unit of the data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from pipeline.tasks.prediction import Row, TaskPrediction
from pipeline.tasks.spec import TaskSpec


def _rows(
    outputs: np.ndarray, stored: np.ndarray, spec: TaskSpec, point: Mapping[str, Any]
) -> list[Row]:
    name = spec.target["name"]
    numbers = np.float64(outputs[:, 0]) * spec.target["deviation"] + spec.target["mean"]
    return [{"name": name, "number": number} for number in numbers.tolist()]


def _text(row: Row) -> str:
    return f"{row['name']} {row['number']:.4g}"


PREDICTION = TaskPrediction(_rows, _text)
