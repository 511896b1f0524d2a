"""Preprocessing steps that are fitted on the training split."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import numpy as np

from pipeline.data.features import SPECIAL, Standardise, Vocabulary, split_words


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


def learn_standardise(batches: Iterable[np.ndarray]) -> Standardise:
    """Compute mean and standard deviation per column, or per bin over all frames.

    A constant column gets deviation 1, so that it becomes 0.

    Args:
        batches: of the training split, `(n, columns)` or `(n, frames, bins, 1)`.
    """
    count, total, squares = 0, np.zeros(()), np.zeros(())
    pivot: np.ndarray | None = None
    for batch in batches:
        values = batch.astype(np.float64).reshape(-1, _columns(batch))
        pivot = values.mean(axis=0) if pivot is None else pivot
        count += len(values)
        total = total + (values - pivot).sum(axis=0)
        squares = squares + ((values - pivot) ** 2).sum(axis=0)
    if pivot is None:
        raise ValueError("no examples to compute a mean of")
    variance = np.maximum(squares / count - (total / count) ** 2, 0)
    deviation = np.where(variance > 1e-12, np.sqrt(variance), 1.0)
    return Standardise(
        tuple((pivot + total / count).tolist()), tuple(deviation.tolist())
    )


def _columns(batch: np.ndarray) -> int:
    return batch.shape[2] if batch.ndim == 4 else batch.shape[1]
