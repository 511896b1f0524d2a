"""The chosen action and the output of each action."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from pipeline.tasks.prediction import Row, TaskPrediction
from pipeline.tasks.spec import TaskSpec


def _rows(
    outputs: np.ndarray, stored: np.ndarray, spec: TaskSpec, point: Mapping[str, Any]
) -> list[Row]:
    names = spec.target["actions"]
    return [
        {"action": names[int(row.argmax())], "outputs": dict(zip(names, row.tolist()))}
        for row in outputs.astype(np.float64)
    ]


def _text(row: Row) -> str:
    outputs = ", ".join(
        f"{name}: {value:.4g}" for name, value in row["outputs"].items()
    )
    return f"action {row['action']} ({outputs})"


PREDICTION = TaskPrediction(_rows, _text)
