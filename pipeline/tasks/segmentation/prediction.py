"""The classes of an image with their fractions of the pixels, and the mask itself.

The mask is a list of runs, `[class number, pixels]`, row by row from the top left:

    row["mask"] = {"size": [2, 3], "runs": [[0, 4], [7, 2]]}
    numpy.repeat(*numpy.transpose(row["mask"]["runs"])).reshape(row["mask"]["size"])
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from pipeline.tasks.prediction import Row, TaskPrediction
from pipeline.tasks.spec import TaskSpec

SHOWN = 4  # classes in a line of text


def _rows(
    outputs: np.ndarray, stored: np.ndarray, spec: TaskSpec, point: Mapping[str, Any]
) -> list[Row]:
    return [_row(mask, spec.classes) for mask in outputs.argmax(axis=-1)]


def _row(mask: np.ndarray, classes: tuple[str, ...]) -> Row:
    fractions = np.bincount(mask.reshape(-1), minlength=len(classes)) / mask.size
    order = [k for k in np.argsort(-fractions, kind="stable") if fractions[k]]
    return {
        "classes": {classes[k]: float(fractions[k]) for k in order},
        "mask": {"size": list(mask.shape), "runs": runs(mask)},
    }


def runs(mask: np.ndarray) -> list[list[int]]:
    """Encode a mask as runs of equal classes, `[class number, pixels]`.

    Args:
        mask: class numbers, `(height, width)`.
    """
    flat = mask.reshape(-1)
    starts = np.flatnonzero(np.r_[True, flat[1:] != flat[:-1]])
    lengths = np.diff(np.r_[starts, len(flat)])
    return np.stack([flat[starts], lengths], axis=1).tolist()


def _text(row: Row) -> str:
    shares = list(row["classes"].items())
    more = f"  and {len(shares) - SHOWN} more" if len(shares) > SHOWN else ""
    listed = (f"{name} {100 * share:.1f} %" for name, share in shares[:SHOWN])
    return "  ".join(listed) + more


PREDICTION = TaskPrediction(_rows, _text)
