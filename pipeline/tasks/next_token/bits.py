"""Bits of a text under a model: the evidence of bits per character.

In: logits, `(n, steps, vocabulary)`, and token numbers, `(n, steps)`. Out: bits of the
predicted tokens of each window, `(n,)`. The first token of a window is given; padding
has no bits.
"""

from __future__ import annotations

import numpy as np
from scipy.special import logsumexp

from pipeline.metrics.bootstrap import Statistic
from pipeline.tasks.targets import PADDING


def token_bits(logits: np.ndarray, tokens: np.ndarray) -> np.ndarray:
    """Compute the bits of each predicted token.

    Args:
        logits: outputs of a model, `(n, steps, vocabulary)`.
        tokens: token numbers that the model read, `(n, steps)`.

    Returns:
        float64 `(n, steps - 1)`; 0 for padding.
    """
    following = tokens[:, 1:].astype(np.int64)
    before = logits[:, :-1].astype(np.float64)
    true = np.take_along_axis(before, following[..., None], axis=-1)[..., 0]
    bits = (logsumexp(before, axis=-1) - true) / np.log(2)
    return np.where(following == PADDING, 0.0, bits)


def per_character(bits: np.ndarray, characters: np.ndarray) -> float:
    """Compute bits per character of all windows together.

    Args:
        bits: of each window, `(n,)`.
        characters: number of predicted characters of each window, `(n,)`.
    """
    return float(bits.sum() / max(float(np.sum(characters)), 1.0))


def resampled(bits: np.ndarray, characters: np.ndarray) -> Statistic:
    """Bits per character of resamples of windows.

    Args:
        bits: of each window, `(n,)`.
        characters: number of predicted characters of each window, `(n,)`.
    """
    table = np.stack([bits, characters], axis=1).astype(np.float64)

    def statistic(weights: np.ndarray) -> np.ndarray:
        total = weights @ table
        return total[:, :1] / np.maximum(total[:, 1:], 1.0)

    return statistic
