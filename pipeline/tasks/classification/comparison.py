"""One classifier against another on the same examples: the numbers of one row."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from pipeline.metrics import bootstrap, calibration
from pipeline.metrics import classification as statistics

AUC_RESAMPLES = 500  # at most: an area takes as long as all other metrics together
Row = dict[str, Any]


@dataclass(frozen=True)
class Predictions:
    """Logits of one file, and the true classes.

    Args:
        y: true class numbers, `(n,)`.
        logits: `(n, classes)`.
        temperature: what its logits are divided by to be calibrated.
    """

    y: np.ndarray
    logits: np.ndarray
    temperature: float = 1.0

    @property
    def classes(self) -> int:
        """How many classes there are."""
        return self.logits.shape[1]

    @cached_property
    def predicted(self) -> np.ndarray:
        """Class numbers, `(n,)`."""
        return self.logits.argmax(axis=1)

    @cached_property
    def log_p(self) -> np.ndarray:
        """Log probabilities, `(n, classes)`."""
        return calibration.log_probabilities(self.logits)

    @cached_property
    def scaled(self) -> np.ndarray:
        """Log probabilities at its temperature, `(n, classes)`."""
        return calibration.log_probabilities(self.logits, self.temperature)


def compare(before: Predictions, after: Predictions, resamples: int, seed: int) -> Row:
    """A row of evaluation.json for `after`, measured against `before`.

    A drop is what is lost against the reference; a gain is a negative drop. A change
    is `after - before`, with its interval.
    """
    y = after.y
    lost = statistics.lost(y, before.predicted, after.predicted)
    worse, better = statistics.flips(y, before.predicted, after.predicted)
    drop = statistics.bootstrap_interval(lost, resamples, seed)
    changes = _changes(before, after, resamples, seed)
    recalls = changes.pop("recall")
    return {
        **values(after),
        "drop": float(lost.mean()),
        "drop_interval": list(drop),
        "agreement": statistics.agreement(before.predicted, after.predicted),
        "kl": statistics.divergence(before.log_p, after.log_p),
        "flips_worse": worse,
        "flips_better": better,
        "mcnemar": statistics.mcnemar(worse, better),
        "change": {name: found[0] for name, found in changes.items()},
        "recall_change": recalls,
        "most_changed_class": _most_changed(recalls),
    }


def values(predictions: Predictions) -> Row:
    """Metrics of one model; None where the examples do not determine one."""
    y, log_p, predicted = predictions.y, predictions.log_p, predictions.predicted
    recall = statistics.recall(y, predicted, predictions.classes)
    many = predictions.classes > statistics.TOP
    top = float(statistics.in_top(y, predictions.logits).mean()) if many else None
    return {
        "accuracy": statistics.accuracy(y, predicted),
        "accuracy_interval": list(statistics.accuracy_interval(y, predicted)),
        "top5": top,
        "macro_f1": statistics.macro_f1(y, predicted),
        "auc": statistics.auc(y, log_p),
        "recall": recall,
        "worst_class": _lowest(recall),
        "nll": float(calibration.nll(log_p, y).mean()),
        "brier": float(calibration.brier(log_p, y).mean()),
        "ece": calibration.ece(log_p, y),
        "temperature": predictions.temperature,
        "nll_scaled": float(calibration.nll(predictions.scaled, y).mean()),
        "ece_scaled": calibration.ece(predictions.scaled, y),
    }


def _changes(
    before: Predictions, after: Predictions, resamples: int, seed: int
) -> dict[str, list[Row | None]]:
    """Metric -> its change for one column, or for each class."""
    old, new = _statistics(before), _statistics(after)
    once = np.ones((1, len(after.y)))
    found = {}
    for name in new:

        def change(weights: np.ndarray, name: str = name) -> np.ndarray:
            return new[name](weights) - old[name](weights)

        count = min(resamples, AUC_RESAMPLES) if name == "auc" else resamples
        spans = bootstrap.intervals(change, bootstrap.draws(len(after.y), count, seed))
        found[name] = [_change(*one) for one in zip(change(once)[0], spans)]
    return found


def _statistics(predictions: Predictions) -> dict[str, bootstrap.Statistic]:
    y, log_p, predicted = predictions.y, predictions.log_p, predictions.predicted
    bins = calibration.bin_of(calibration.confidence(log_p))
    gap = calibration.gap(log_p, y)
    found = {
        "macro_f1": bootstrap.f1_of(y, predicted, predictions.classes),
        "nll": bootstrap.mean_of(calibration.nll(log_p, y)),
        "brier": bootstrap.mean_of(calibration.brier(log_p, y)),
        "ece": bootstrap.error_of(bins, gap, calibration.BINS),
        "recall": bootstrap.recall_of(y, predicted, predictions.classes),
    }
    if predictions.classes > statistics.TOP:
        found["top5"] = bootstrap.mean_of(statistics.in_top(y, predictions.logits))
    if len(np.unique(y)) > 1:
        found["auc"] = bootstrap.auc_of(y, log_p)
    return found


def _change(value: float, interval: bootstrap.Interval | None) -> Row | None:
    if np.isnan(value):
        return None
    return {"value": float(value), "interval": interval and list(interval)}


def _lowest(recall: list[float | None]) -> int:
    """The class of which the least is found."""
    known = [np.inf if value is None else value for value in recall]
    return int(np.argmin(known))


def _most_changed(changes: list[Row | None]) -> int:
    """The class whose recall changed most, for better or worse."""
    sizes = [abs(change["value"]) if change else -1.0 for change in changes]
    return int(np.argmax(sizes))
