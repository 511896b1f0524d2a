"""Calibration of a classifier: ECE, NLL, Brier score and temperature scaling.

In: logits `(n, classes)` and class numbers `(n,)`. Out: plain numbers.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

BINS = 15  # of equal width, as in Guo et al., 2017
TEMPERATURES = (0.05, 20.0)  # bounds of the search


def log_probabilities(logits: np.ndarray, temperature: float = 1.0) -> np.ndarray:
    """Compute log softmax(logits / temperature).

    Args:
        logits: `(n, classes)`.
        temperature: positive divisor; default 1 leaves the logits unchanged.

    Returns:
        float64 `(n, classes)`.
    """
    return log_softmax(np.float64(logits) / temperature, axis=1)


def nll(log_p: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Compute the negative log likelihood of each example, `(n,)`.

    Args:
        log_p: log probabilities, `(n, classes)`.
        y: true classes, `(n,)`.
    """
    return -log_p[np.arange(len(y)), y]


def brier(log_p: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Compute the squared distance of probabilities to the one-hot target, `(n,)`.

    Brier, Verification of Forecasts Expressed in Terms of Probability, 1950.

    Args:
        log_p: log probabilities, `(n, classes)`.
        y: true classes, `(n,)`.
    """
    target = np.eye(log_p.shape[1])[y]
    return ((np.exp(log_p) - target) ** 2).sum(axis=1)


def confidence(log_p: np.ndarray) -> np.ndarray:
    """Return the probability of the predicted class, `(n,)`.

    Args:
        log_p: log probabilities, `(n, classes)`.
    """
    return np.exp(log_p.max(axis=1))


def confidence_bin(confidences: np.ndarray) -> np.ndarray:
    """Return the bin of each confidence, `(n,)` integers from 0 to 14.

    Args:
        confidences: `(n,)`, from 0 to 1.
    """
    return np.minimum((confidences * BINS).astype(np.int64), BINS - 1)


def confidence_gap(log_p: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Compute confidence minus 1 for a correct prediction, or minus 0, `(n,)`.

    Args:
        log_p: log probabilities, `(n, classes)`.
        y: true classes, `(n,)`.
    """
    return confidence(log_p) - (log_p.argmax(axis=1) == y)


def ece(log_p: np.ndarray, y: np.ndarray) -> float:
    """Compute the expected calibration error with 15 bins.

    Naeini, Cooper, Hauskrecht, Obtaining Well Calibrated Probabilities Using Bayesian
    Binning, 2015.

    Args:
        log_p: log probabilities, `(n, classes)`.
        y: true classes, `(n,)`.
    """
    bins = confidence_bin(confidence(log_p))
    sums = np.bincount(bins, confidence_gap(log_p, y), BINS)
    return float(np.abs(sums).sum() / len(y))


def fit_temperature(logits: np.ndarray, y: np.ndarray) -> float:
    """Fit the temperature that minimizes the NLL (temperature scaling).

    Guo, Pleiss, Sun, Weinberger, On Calibration of Modern Neural Networks, 2017. Fit it
    on validation: fitted on test, the calibration error would be too optimistic.

    Args:
        logits: `(n, classes)`.
        y: true classes, `(n,)`.

    Returns:
        A temperature from 0.05 to 20.
    """
    bounds = tuple(np.log(TEMPERATURES))

    def loss(log_temperature: float) -> float:
        return nll(log_probabilities(logits, np.exp(log_temperature)), y).mean()

    return float(np.exp(minimize_scalar(loss, bounds=bounds, method="bounded").x))


def reliability_diagram(log_p: np.ndarray, y: np.ndarray) -> list[dict[str, Any]]:
    """Compute mean confidence, accuracy and count of each bin that is not empty.

    Args:
        log_p: log probabilities, `(n, classes)`.
        y: true classes, `(n,)`.
    """
    confidences, correct = confidence(log_p), log_p.argmax(axis=1) == y
    bins = confidence_bin(confidences)
    return [
        {
            "bin": int(number),
            "confidence": float(confidences[bins == number].mean()),
            "accuracy": float(correct[bins == number].mean()),
            "count": int((bins == number).sum()),
        }
        for number in np.unique(bins)
    ]
