"""The text that a file writes for a text, one character after the other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from pipeline.tasks.pair_tokens import END, greedy, pair_tokens_of
from pipeline.tasks.prediction import Outputs, Row, TaskPrediction
from pipeline.tasks.registry import task_of
from pipeline.tasks.spec import TaskSpec


def _decode(outputs: Outputs, stored: np.ndarray, spec: TaskSpec) -> np.ndarray:
    return greedy(outputs, stored, task_of(spec).output_shape(spec)[0])


def _rows(
    written: np.ndarray, stored: np.ndarray, spec: TaskSpec, point: Mapping[str, Any]
) -> list[Row]:
    tokens = pair_tokens_of(spec)
    texts = map(tokens.decode, written) if tokens else [None] * len(written)
    return [
        {
            **({"numbers": numbers.tolist()} if text is None else {"text": text}),
            "complete": bool((numbers == END).any()),
        }
        for numbers, text in zip(written, texts)
    ]


def _text(row: Row) -> str:
    text = str(row.get("text", row.get("numbers")))
    return text if row["complete"] else f"{text}... (without an end)"


PREDICTION = TaskPrediction(_rows, _text, decode=_decode)
