"""Scale of images in arrays, from their range: 0 .. 1, 0 .. 255, 12 or 16 bits."""

from __future__ import annotations

import numpy as np

from pipeline.data.image_steps import USED, WHITE
from pipeline.data.rows import chunks
from pipeline.data.sources.reader import ReadContext
from pipeline.data.stored import Stored

WHITES = tuple(WHITE.values())
UNIT = 2.0  # interpolation goes a little beyond 1
STANDARDIZED = 8.0  # standard deviations that pixels stay within


def image_rows(rows: Stored, context: ReadContext) -> tuple[Stored, float]:
    """Return stored images, and the scale that makes them about 0 .. 1 or -1 .. 1.

    Whole numbers of 0 .. 255 are stored as bytes, in whatever dtype they came.

    Args:
        rows: images, `(n, height, width, channels)`, uint8 or float32.
        context: opens the scratch file, and receives a note about an unusual range.
    """
    if rows.dtype == np.uint8:
        high = max(int(part.max(initial=0)) for part in chunks(rows))
        return rows, 1.0 if high <= 1 else 1 / 255
    low, top, whole = _range(rows)
    white = _white(low, top, whole)
    if white == 255 and whole:
        return _as_bytes(rows, context), 1 / 255
    if white not in (1, *WHITES):
        context.note(f"x ranges from {low:g} to {top:g}; it is divided by {white:g}")
    return rows, 1 / white


def _range(rows: Stored) -> tuple[float, float, bool]:
    """Return the smallest and largest finite value, and whether all are whole."""
    low, high, whole = np.inf, -np.inf, True
    for part in chunks(rows):
        values = part[np.isfinite(part)]
        low = min(low, float(values.min(initial=np.inf)))
        high = max(high, float(values.max(initial=-np.inf)))
        whole = whole and bool((values == np.round(values)).all())
    return low, high, whole


def _white(low: float, high: float, whole: bool) -> float:
    """Return the value that becomes 1."""
    if not np.isfinite(high) or (high <= 1 and low >= -1):
        return 1.0
    if low < 0:
        largest = max(-low, high)
        return 1.0 if largest <= STANDARDIZED and not whole else largest
    if high <= UNIT and not whole:
        return 1.0
    fitting = [white for white in WHITES if high <= white < high * USED]
    return float(fitting[0]) if fitting else high


def _as_bytes(rows: Stored, context: ReadContext) -> Stored:
    with context.writer(rows.shape[1:], np.uint8) as writer:
        for part in chunks(rows):
            writer.append(np.where(np.isfinite(part), part, 0).astype(np.uint8))
    return writer.rows()
