"""Labels of the training split: noise for studies, and the search for label errors.

The search is confident learning (Northcutt, Jiang, Chuang, Confident Learning:
Estimating Uncertainty in Dataset Labels, 2021): class probabilities of every example
come from a model that was fitted on the other folds; a label is suspect when another
class is more probable than that class usually is for its own examples.
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

MAX_FEATURES = 64  # of dense examples, after a principal component analysis


@dataclass(frozen=True)
class LabelChange:
    """One label that was changed, or that should be reviewed.

    Args:
        position: of the example in the source.
        before: class number of its label.
        after: class number that was set, or is suggested.
        confidence: probability of `after`, 0 .. 1.
    """

    position: int
    before: int
    after: int
    confidence: float = 1.0


def add_noise(
    y: np.ndarray, train: np.ndarray, fraction: float, classes: int, seed: int
) -> list[LabelChange]:
    """Draw training examples and another class for each, all equally likely.

    Args:
        y: class numbers of all examples, `(n,)`; not modified.
        train: positions of the training examples.
        fraction: of the training examples to change.
        classes: number of classes.
        seed: of the draws.
    """
    rng = np.random.default_rng(seed)
    chosen = np.sort(rng.choice(train, round(fraction * len(train)), replace=False))
    steps = rng.integers(1, classes, len(chosen))
    others = (y[chosen] + steps) % classes
    return [
        LabelChange(int(position), int(before), int(after))
        for position, before, after in zip(chosen, y[chosen], others)
    ]


def find_label_errors(
    x: np.ndarray,
    y: np.ndarray,
    positions: np.ndarray,
    folds: int,
    seed: int,
    vocabulary: int = 0,
) -> list[LabelChange]:
    """Find training examples whose label is probably wrong, the most confident first.

    Args:
        x: stored examples of the training split, `(n, ...)`.
        y: their class numbers, `(n,)`.
        positions: their positions in the source, `(n,)`.
        folds: maximum number of folds; a class of fewer examples allows fewer.
        seed: of the folds and the principal component analysis.
        vocabulary: number of word numbers, for texts; 0 for dense examples.
    """
    folds = max(2, min(folds, int(np.bincount(y)[np.unique(y)].min())))
    features = _bag_of_words(x, vocabulary) if vocabulary else _dense(x, seed)
    present, label = np.unique(y, return_inverse=True)  # some classes may be missing
    probability = _out_of_fold(features, label, folds, seed)
    usual = np.array([probability[label == k, k].mean() for k in range(len(present))])
    confident = np.where(probability >= usual, probability, 0)
    other = confident.argmax(axis=1)
    confidence = confident[np.arange(len(y)), other]
    changes = [
        LabelChange(
            int(positions[k]), int(y[k]), int(present[other[k]]), float(confidence[k])
        )
        for k in np.flatnonzero((other != label) & (confidence > 0))
    ]
    return sorted(changes, key=lambda change: (-change.confidence, change.position))


def with_changes(y: np.ndarray, changes: Iterable[LabelChange]) -> np.ndarray:
    """Return a copy of class numbers, `(n,)`, with every change applied."""
    y = y.copy()
    for change in changes:
        y[change.position] = change.after
    return y


def write_changes(
    path: Path,
    changes: Iterable[LabelChange],
    classes: tuple[str, ...],
    name: Callable[[int], str],
    columns: tuple[str, str],
) -> None:
    """Write a CSV file with one line per change.

    Args:
        path: of the file.
        changes: in the order of the lines.
        classes: names of the classes.
        name: position of an example -> its name.
        columns: titles of the class before and of the class after.
    """
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["position", "example", *columns, "confidence"])
        for change in changes:
            position, confidence = change.position, f"{change.confidence:.4f}"
            labels = classes[change.before], classes[change.after]
            writer.writerow([position, name(position), *labels, confidence])


def _out_of_fold(
    features: np.ndarray | csr_matrix, y: np.ndarray, folds: int, seed: int
) -> np.ndarray:
    parts = StratifiedKFold(folds, shuffle=True, random_state=seed)
    model = LogisticRegression(max_iter=200)
    with warnings.catch_warnings():  # a rough model is enough to compare labels
        warnings.simplefilter("ignore", ConvergenceWarning)
        return cross_val_predict(model, features, y, cv=parts, method="predict_proba")


def _dense(x: np.ndarray, seed: int) -> np.ndarray:
    flat = x.reshape(len(x), -1).astype(np.float32)
    if flat.shape[1] > MAX_FEATURES and len(flat) > MAX_FEATURES:
        pca = PCA(MAX_FEATURES, svd_solver="randomized", random_state=seed)
        flat = pca.fit_transform(flat)
    spread = flat.std(axis=0)
    return (flat - flat.mean(axis=0)) / np.where(spread > 0, spread, 1)


def _bag_of_words(x: np.ndarray, vocabulary: int) -> csr_matrix:
    """Count each word of each text; padding is left out."""
    rows = np.repeat(np.arange(len(x)), x.shape[1])
    numbers = x.reshape(-1)
    words = numbers > 0
    ones = np.ones(words.sum(), np.float32)
    return csr_matrix((ones, (rows[words], numbers[words])), (len(x), vocabulary))
