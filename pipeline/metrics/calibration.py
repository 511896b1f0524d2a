"""Whether a model is as often right as it is sure: ECE, NLL, Brier, temperature.

In: logits `(n, classes)` and class numbers `(n,)`. Out: plain numbers.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

BINS = 15  # of equal width, as is usual (Guo et al., 2017)
TEMPERATURES = (0.05, 20.0)


def log_probabilities(logits: np.ndarray, temperature: float = 1.0) -> np.ndarray:
    """log softmax(logits / temperature), float64 `(n, classes)`."""
    return log_softmax(np.float64(logits) / temperature, axis=1)


def nll(log_p: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Negative log likelihood of each example, `(n,)`."""
    return -log_p[np.arange(len(y)), y]


def brier(log_p: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Squared distance to the truth of each example (Brier, 1950), `(n,)`."""
    truth = np.eye(log_p.shape[1])[y]
    return ((np.exp(log_p) - truth) ** 2).sum(axis=1)


def confidence(log_p: np.ndarray) -> np.ndarray:
    """Probability of the answer that is given, `(n,)`."""
    return np.exp(log_p.max(axis=1))


def bin_of(sure: np.ndarray) -> np.ndarray:
    """The bin of each confidence, `(n,)`."""
    return np.minimum((sure * BINS).astype(np.int64), BINS - 1)


def gap(log_p: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Confidence minus 1 where the answer is right, minus 0 where it is not."""
    return confidence(log_p) - (log_p.argmax(axis=1) == y)


def ece(log_p: np.ndarray, y: np.ndarray) -> float:
    """Expected calibration error with 15 bins (Naeini et al., 2015)."""
    bins = bin_of(confidence(log_p))
    return float(np.abs(np.bincount(bins, gap(log_p, y), BINS)).sum() / len(y))


def fit_temperature(logits: np.ndarray, y: np.ndarray) -> float:
    """What logits are divided by for the least NLL.

    C. Guo et al., On Calibration of Modern Neural Networks, 2017. Fit it on
    validation: on test it would flatter.
    """
    bounds = tuple(np.log(TEMPERATURES))

    def loss(log_temperature: float) -> float:
        return nll(log_probabilities(logits, np.exp(log_temperature)), y).mean()

    return float(np.exp(minimize_scalar(loss, bounds=bounds, method="bounded").x))


def diagram(log_p: np.ndarray, y: np.ndarray) -> list[dict[str, Any]]:
    """A reliability diagram: what is in each bin that is not empty."""
    sure, right = confidence(log_p), log_p.argmax(axis=1) == y
    bins = bin_of(sure)
    return [
        {
            "bin": int(number),
            "confidence": float(sure[bins == number].mean()),
            "accuracy": float(right[bins == number].mean()),
            "count": int((bins == number).sum()),
        }
        for number in np.unique(bins)
    ]
