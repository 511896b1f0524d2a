"""Characters that a text differs from its target in (Levenshtein, 1966).

In: texts as character numbers. Out: insertions, deletions and substitutions of each;
the character error rate is their sum divided by the characters of the targets.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pipeline.metrics.bootstrap import Statistic


def edit_distance(text: Sequence[int], target: Sequence[int]) -> int:
    """Return the smallest number of edits from a text to its target.

    Args:
        text: characters, or their numbers.
        target: likewise.
    """
    before = list(range(len(target) + 1))
    for row, written in enumerate(text, 1):
        current = [row]
        for column, true in enumerate(target, 1):
            change = before[column - 1] + (written != true)
            current.append(min(change, before[column] + 1, current[-1] + 1))
        before = current
    return before[-1]


def error_rate(edits: np.ndarray, characters: np.ndarray) -> float:
    """Compute the character error rate of all texts together.

    Args:
        edits: of each text, `(n,)`.
        characters: of each target, `(n,)`.
    """
    return float(edits.sum() / max(float(characters.sum()), 1.0))


def resampled(edits: np.ndarray, characters: np.ndarray) -> Statistic:
    """Character error rates of resamples of pairs.

    Args:
        edits: of each text, `(n,)`.
        characters: of each target, `(n,)`.
    """
    table = np.stack([edits, characters], axis=1).astype(np.float64)

    def statistic(weights: np.ndarray) -> np.ndarray:
        total = weights @ table
        return total[:, :1] / np.maximum(total[:, 1:], 1.0)

    return statistic
