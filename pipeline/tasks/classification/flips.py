"""flips.json and flips.png: examples whose predicted class changed by compression.

Examples that became wrong come first, in order of decreasing confidence. The picture
holds one tile per example, side by side in the order of flips.json.
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

MAX_EXAMPLES = 24
TILE = 96  # pixels
MAX_COLUMNS = 12  # of a row of a table


def write(
    out: Path, data: Data, test: Examples, before: Predictions, after: Predictions
) -> None:
    """Write the examples whose predicted class differs between two files.

    Args:
        out: folder of flips.json, and of flips.png where examples can be drawn.
        data: the published data.
        test: the test split.
        before: predictions of the baseline.
        after: predictions of the chosen file.
    """
    positions = select(before, after)
    confidences = confidence(after.log_p)
    rows = [
        {
            "position": int(number),
            "true": int(test.y[number]),
            "before": int(before.predicted[number]),
            "after": int(after.predicted[number]),
            "confidence": float(confidences[number]),
            "words": _text(data, test.x[number]),
        }
        for number in positions
    ]
    flipped = int((before.predicted != after.predicted).sum())
    tiles = [_tile(test.x[n]) for n in positions] if _drawable(data) else []
    document = {"flipped": flipped, "tile": TILE if tiles else None, "examples": rows}
    write_json(out / "flips.json", document)
    if tiles:
        Image.fromarray(np.concatenate(tiles, axis=1)).save(out / "flips.png")


def select(before: Predictions, after: Predictions) -> np.ndarray:
    """Select at most 24 flips: became wrong, became correct, then wrong both times.

    Returns:
        Positions in the test split.
    """
    y, old, new = before.y, before.predicted, after.predicted
    kind = np.select([(old == y) & (new != y), (old != y) & (new == y)], [0, 1], 2)
    flipped = np.flatnonzero(old != new)
    confidences = confidence(after.log_p)[flipped]
    order = np.lexsort((flipped, -confidences, kind[flipped]))
    return flipped[order][:MAX_EXAMPLES]


def _drawable(data: Data) -> bool:
    return data.spec.modality in ("image", "audio") and len(data.spec.shape) == 3


def _tile(example: np.ndarray) -> np.ndarray:
    """A picture of an example, uint8 `(TILE, TILE, 3)`."""
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


def _text(data: Data, example: np.ndarray) -> str | None:
    """The words of a text as the model reads them, or the numbers of a table's row."""
    if data.spec.modality == "table":
        values = [f"{value:.3g}" for value in np.ravel(example)[:MAX_COLUMNS]]
        return ", ".join(values) + (", …" if example.size > MAX_COLUMNS else "")
    words = _vocabulary(data.steps()) if data.spec.modality == "text" else None
    if words is None:
        return None
    return " ".join(words[number] for number in example if number)


def _vocabulary(steps: Sequence[Any]) -> tuple[str, ...] | None:
    words = (step.words for step in steps if hasattr(step, "words"))
    return next(words, None)
