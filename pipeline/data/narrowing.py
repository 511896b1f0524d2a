"""Precision of raw tables: float32 unless its rounding would hide differences.

float32 holds 24 bits. Of a column whose values are large beside their standard
deviation, such as Unix seconds, little is left before the mean is subtracted.
"""

from __future__ import annotations

import numpy as np

from pipeline.data.rows import chunks
from pipeline.data.sources.reader import ReadContext
from pipeline.data.stored import Stored

SINGLE = 2.0**-24  # largest relative rounding error of float32
HIDDEN = 1e-3  # of a standard deviation: an error that is not accepted


def narrowed(x: Stored, context: ReadContext, keep: bool = False) -> Stored:
    """Return a table as float32 where that is precise enough.

    Args:
        x: raw rows, float64 `(n, columns)`; NaN is a gap.
        context: opens the scratch file; without preprocessing, the result is float32.
        keep: True for a table that holds categories, whose numbers need 64 bits.
    """
    unprocessed = context.params.preprocessing == "none"
    if not unprocessed and (keep or needs_double(x)):
        return x
    with context.writer(x.shape[1:], np.float32) as writer:
        for part in chunks(x):
            writer.append(part.astype(np.float32))
    x.remove()
    return writer.rows()


def needs_double(x: Stored) -> bool:
    """Return whether float32 rounds away differences between the values of a column.

    Args:
        x: raw rows, `(n, columns)`.
    """
    largest, sums = np.zeros(x.shape[1]), np.zeros((3, x.shape[1]))
    pivot: np.ndarray | None = None
    for part in chunks(x):
        values = np.ma.masked_invalid(part.astype(np.float64))
        if pivot is None:
            pivot = values.mean(axis=0).filled(0.0)
        largest = np.maximum(largest, np.abs(values).max(axis=0).filled(0.0))
        centred = values - pivot
        moments = (centred.count(axis=0), centred.sum(axis=0), (centred**2).sum(axis=0))
        sums += np.ma.filled(np.ma.stack(moments), 0.0)
    count, total, squares = sums
    count = np.maximum(count, 1)
    deviation = np.sqrt(np.maximum(squares / count - (total / count) ** 2, 0))
    return bool((largest * SINGLE > deviation * HIDDEN)[deviation > 0].any())
