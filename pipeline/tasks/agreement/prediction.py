"""The outputs as they are: of many, the largest ones by their positions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from pipeline.tasks.prediction import Row, TaskPrediction
from pipeline.tasks.spec import TaskSpec

SHOWN = 3


def _rows(
    outputs: np.ndarray, stored: np.ndarray, spec: TaskSpec, point: Mapping[str, Any]
) -> list[Row]:
    return [{"outputs": _largest(np.ravel(output))} for output in outputs]


def _largest(output: np.ndarray) -> dict[str, float]:
    order = np.argsort(-output, kind="stable")[:SHOWN]
    return {f"output {position}": float(output[position]) for position in order}


def _text(row: Row) -> str:
    return ", ".join(f"{name}: {value:.4g}" for name, value in row["outputs"].items())


PREDICTION = TaskPrediction(_rows, _text)
