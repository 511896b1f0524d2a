"""Preprocessing steps that are fitted on the training split."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import numpy as np

from pipeline.data.features import SPECIAL, Standardise, Vocabulary, split_words

ROUNDING = 4.0  # roundings to the nearest number that a constant column may differ by


def learn_vocabulary(texts: Iterable[str], size: int, length: int) -> Vocabulary:
    """Collect the most frequent words; ties are in alphabetical order.

    Args:
        texts: of the training split.
        size: number of word numbers in all, with the two special ones.
        length: word numbers per text.
    """
    counts = Counter(word for text in texts for word in split_words(text))
    ranked = sorted(counts, key=lambda word: (-counts[word], word))
    return Vocabulary((*SPECIAL, *ranked[: size - len(SPECIAL)]), length)


def learn_standardise(
    batches: Iterable[np.ndarray], unchanged: np.ndarray | None = None
) -> Standardise:
    """Compute mean and standard deviation per column, or per bin over all frames.

    A column that is constant but for rounding gets deviation 1, so that it becomes 0.

    Args:
        batches: of the training split, `(n, columns)`, `(n, steps, columns)` or
            `(n, frames, bins, 1)`.
        unchanged: True for columns that are not to be standardized, `(columns,)`;
            default None: none.
    """
    count, total, squares, largest = 0, np.zeros(()), np.zeros(()), np.zeros(())
    pivot: np.ndarray | None = None
    dtype = np.dtype(np.float32)
    for batch in batches:
        values = batch.astype(np.float64).reshape(-1, _columns(batch))
        pivot = values.mean(axis=0) if pivot is None else pivot
        dtype = batch.dtype if batch.dtype == np.float64 else dtype
        count += len(values)
        total = total + (values - pivot).sum(axis=0)
        squares = squares + ((values - pivot) ** 2).sum(axis=0)
        largest = np.maximum(largest, np.abs(values).max(axis=0))
    if pivot is None:
        raise ValueError("no examples to compute a mean of")
    variance = np.maximum(squares / count - (total / count) ** 2, 0)
    rounding = ROUNDING * np.finfo(dtype).eps * largest
    deviation = np.where(variance > rounding**2, np.sqrt(variance), 1.0)
    mean = pivot + total / count
    if unchanged is not None:
        mean, deviation = (
            np.where(unchanged, 0, mean),
            np.where(unchanged, 1, deviation),
        )
    precision = "float64" if dtype == np.float64 else None
    return Standardise(tuple(mean.tolist()), tuple(deviation.tolist()), precision)


def _columns(batch: np.ndarray) -> int:
    return batch.shape[2] if batch.ndim == 4 else batch.shape[-1]
