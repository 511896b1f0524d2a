"""The restored image, as a PNG file in base64.

base64.b64decode(row["png"])        # the content of a PNG file
"""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from typing import Any

import numpy as np
from PIL import Image

from pipeline.tasks.prediction import Row, TaskPrediction
from pipeline.tasks.restoration.quality import pixels
from pipeline.tasks.spec import TaskSpec


def _rows(
    outputs: np.ndarray, stored: np.ndarray, spec: TaskSpec, point: Mapping[str, Any]
) -> list[Row]:
    return [
        {"size": list(image.shape), "png": _png(image)} for image in pixels(outputs)
    ]


def _png(image: np.ndarray) -> str:
    buffer = io.BytesIO()
    squeezed = image[..., 0] if image.shape[-1] == 1 else image
    Image.fromarray(squeezed).save(buffer, format="PNG")
    return base64.b64encode(buffer.getvalue()).decode("ascii")


def _text(row: Row) -> str:
    height, width, _ = row["size"]
    return f"restored, {width} x {height} pixels (--json holds the image)"


PREDICTION = TaskPrediction(_rows, _text)
