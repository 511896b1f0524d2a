"""flips.json and flips.png: examples that the chosen file decides otherwise.

Those that became wrong come first, the surest mistakes before the others. The
picture holds one tile after the other, in the order of flips.json, without words.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from pipeline.core.json_io import write_json
from pipeline.metrics.calibration import confidence
from pipeline.tasks.classification.comparison import Predictions
from pipeline.tasks.evaluation import Data, Examples

MOST = 24
TILE = 96  # pixels
SHOWN = 12  # numbers of a row of a table


def write(
    out: Path, data: Data, test: Examples, before: Predictions, after: Predictions
) -> None:
    """Write what flipped between two files; without one, an empty list."""
    at = select(before, after)
    sure = confidence(after.log_p)
    rows = [
        {
            "position": int(number),
            "true": int(test.y[number]),
            "before": int(before.predicted[number]),
            "after": int(after.predicted[number]),
            "confidence": float(sure[number]),
            "words": _words(data, test.x[number]),
        }
        for number in at
    ]
    flipped = int((before.predicted != after.predicted).sum())
    tiles = [_tile(test.x[number]) for number in at] if _seen(data) else []
    document = {"flipped": flipped, "tile": TILE if tiles else None, "examples": rows}
    write_json(out / "flips.json", document)
    if tiles:
        Image.fromarray(np.concatenate(tiles, axis=1)).save(out / "flips.png")


def select(before: Predictions, after: Predictions) -> np.ndarray:
    """Positions of at most MOST flips: to wrong, to right, wrong to other wrong."""
    y, old, new = before.y, before.predicted, after.predicted
    kind = np.select([(old == y) & (new != y), (old != y) & (new == y)], [0, 1], 2)
    flipped = np.flatnonzero(old != new)
    sure = confidence(after.log_p)[flipped]
    return flipped[np.lexsort((flipped, -sure, kind[flipped]))][:MOST]


def _seen(data: Data) -> bool:
    return data.spec.modality in ("image", "audio") and len(data.spec.shape) == 3


def _tile(example: np.ndarray) -> np.ndarray:
    """uint8 `(TILE, TILE, 3)`; spectrograms with time to the right."""
    values = np.asarray(example, np.float32)
    if values.shape[-1] not in (1, 3):
        values = values.mean(axis=-1, keepdims=True)
    low, high = float(values.min()), float(values.max())
    if example.dtype == np.uint8 and high > 16:
        low, high = 0.0, 255.0
    shades = (255 * (values - low) / max(high - low, 1e-6)).astype(np.uint8)
    image = np.repeat(shades, 3, axis=2) if shades.shape[-1] == 1 else shades
    tile = Image.fromarray(image).resize((TILE, TILE), Image.Resampling.NEAREST)
    return np.asarray(tile)


def _words(data: Data, example: np.ndarray) -> str | None:
    """A text as the model reads it, or the numbers of a row."""
    if data.spec.modality == "table":
        shown = ", ".join(f"{value:.3g}" for value in np.ravel(example)[:SHOWN])
        return shown + (", …" if example.size > SHOWN else "")
    words = _vocabulary(data.steps()) if data.spec.modality == "text" else None
    if words is None:
        return None
    return " ".join(words[number] for number in example if number)


def _vocabulary(steps: Sequence[Any]) -> tuple[str, ...] | None:
    words = (step.words for step in steps if hasattr(step, "words"))
    return next(words, None)
