"""The objects of an image: class, score and box of each, the most certain first.

Boxes are left, top, right and bottom as fractions of the image that the model sees,
which with `data.image.fit: stretch` is the whole picture. Objects are listed from the
score on that is best on validation.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from pipeline.tasks.detection.comparison import DEFAULT_THRESHOLD
from pipeline.tasks.detection.decoding import decode
from pipeline.tasks.prediction import Row, TaskPrediction
from pipeline.tasks.spec import TaskSpec

SHOWN = 6  # objects in a line of text


def _rows(
    outputs: np.ndarray, stored: np.ndarray, spec: TaskSpec, point: Mapping[str, Any]
) -> list[Row]:
    threshold = point.get("threshold") or DEFAULT_THRESHOLD
    return [
        {"threshold": threshold, "objects": _objects(found, spec.classes, threshold)}
        for found in decode(outputs)
    ]


def _objects(
    found: np.ndarray, classes: tuple[str, ...], threshold: float
) -> list[dict[str, Any]]:
    kept = found[(found[:, 0] >= 0) & (found[:, 1] >= np.float32(threshold))]
    return [
        {
            "class": classes[int(number)],
            "score": float(score),
            "box": [float(end) for end in ends],
        }
        for number, score, *ends in kept
    ]


def _text(row: Row) -> str:
    objects = row["objects"]
    if not objects:
        return "no object"
    listed = [
        f"{item['class']} {item['score']:.2f} at "
        f"({', '.join(f'{end:.2f}' for end in item['box'])})"
        for item in objects[:SHOWN]
    ]
    more = len(objects) - SHOWN
    return "  ".join(listed) + (f"  and {more} more" if more > 0 else "")


PREDICTION = TaskPrediction(_rows, _text)
