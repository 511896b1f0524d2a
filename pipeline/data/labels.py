"""Labels of the training split: noise for studies, and the search for mistakes.

The search is confident learning (Northcutt, Jiang, Chuang, Confident Learning:
Estimating Uncertainty in Dataset Labels, 2021): every example is judged by a model
that was fitted on the other folds; it is suspect when another class is more
probable than that class usually is for its own examples.
"""

from __future__ import annotations

import csv
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict

MOST_FEATURES = 64  # of dense examples, after a principal component analysis


@dataclass(frozen=True)
class Change:
    """One label that was changed, or should be looked at.

    Args:
        at: the example's position in the source.
        given, other: class numbers, before and proposed.
        confidence: of the other class, 0 .. 1.
    """

    at: int
    given: int
    other: int
    confidence: float = 1.0


def add_noise(
    y: np.ndarray, train: np.ndarray, fraction: float, classes: int, seed: int
) -> list[Change]:
    """Give a part of the training examples another class, each equally likely.

    Args:
        y: class numbers of all examples; nothing is changed in it.
    """
    rng = np.random.default_rng(seed)
    chosen = np.sort(rng.choice(train, round(fraction * len(train)), replace=False))
    steps = rng.integers(1, classes, len(chosen))
    others = (y[chosen] + steps) % classes
    return [Change(*map(int, change)) for change in zip(chosen, y[chosen], others)]


def suspects(
    x: np.ndarray, y: np.ndarray, at: np.ndarray, folds: int, seed: int, words: int = 0
) -> list[Change]:
    """Training examples whose label is probably wrong, the most certain first.

    Args:
        x: stored examples of the training split, `(n, ...)`.
        y: their class numbers; at: their positions in the source.
        folds: at most; a class of fewer examples needs fewer.
        words: size of the vocabulary, for texts.
    """
    folds = max(2, min(folds, int(np.bincount(y)[np.unique(y)].min())))
    features = _bag(x, words) if words else _dense(x, seed)
    present, own = np.unique(y, return_inverse=True)  # not every class need be here
    probability = _out_of_fold(features, own, folds, seed)
    usual = np.array([probability[own == k, k].mean() for k in range(len(present))])
    likely = np.where(probability >= usual, probability, 0)
    other = likely.argmax(axis=1)
    rows = np.arange(len(y))
    wrong = np.flatnonzero((other != own) & (likely[rows, other] > 0))
    found = [
        Change(
            int(at[k]), int(y[k]), int(present[other[k]]), float(likely[k, other[k]])
        )
        for k in wrong
    ]
    return sorted(found, key=lambda change: (-change.confidence, change.at))


def relabelled(y: np.ndarray, changes: Iterable[Change]) -> np.ndarray:
    """Class numbers with every change made."""
    y = y.copy()
    for change in changes:
        y[change.at] = change.other
    return y


def write_changes(
    path: Path,
    changes: Iterable[Change],
    classes: tuple[str, ...],
    name: Callable[[int], str],
    columns: tuple[str, str],
) -> None:
    """A table of changes, one line each.

    Args:
        columns: what to call the class before and the other one.
    """
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["position", "example", *columns, "confidence"])
        for change in changes:
            labels = classes[change.given], classes[change.other]
            row = [change.at, name(change.at), *labels, f"{change.confidence:.4f}"]
            writer.writerow(row)


def _out_of_fold(features, y: np.ndarray, folds: int, seed: int) -> np.ndarray:
    parts = StratifiedKFold(folds, shuffle=True, random_state=seed)
    model = LogisticRegression(max_iter=200)
    with warnings.catch_warnings():  # a rough model is enough to judge labels
        warnings.simplefilter("ignore", ConvergenceWarning)
        return cross_val_predict(model, features, y, cv=parts, method="predict_proba")


def _dense(x: np.ndarray, seed: int) -> np.ndarray:
    flat = x.reshape(len(x), -1).astype(np.float32)
    if flat.shape[1] > MOST_FEATURES and len(flat) > MOST_FEATURES:
        pca = PCA(MOST_FEATURES, svd_solver="randomized", random_state=seed)
        flat = pca.fit_transform(flat)
    spread = flat.std(axis=0)
    return (flat - flat.mean(axis=0)) / np.where(spread > 0, spread, 1)


def _bag(x: np.ndarray, words: int) -> csr_matrix:
    """How often each word stands in each text; padding is left out."""
    rows = np.repeat(np.arange(len(x)), x.shape[1])
    numbers = x.reshape(-1)
    kept = numbers > 0
    ones = np.ones(kept.sum(), np.float32)
    return csr_matrix((ones, (rows[kept], numbers[kept])), (len(x), words))
