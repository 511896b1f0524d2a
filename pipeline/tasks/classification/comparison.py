"""Compare two classifiers on the same examples: one row of evaluation.json.

In: logits `(n, classes)` of both files and true classes `(n,)`. Out: metrics of the
file, and its differences from the reference with 95 % intervals.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from pipeline.metrics import bootstrap, calibration
from pipeline.metrics import classification as statistics
from pipeline.tasks.evaluation import Change, Comparison, Row

AUC_RESAMPLES = 500  # maximum: an area takes as long as all other metrics together


@dataclass(frozen=True)
class Predictions:
    """Logits of one file, and the true classes.

    Args:
        y: true classes, `(n,)`.
        logits: `(n, classes)`.
        temperature: divisor of the logits that calibrates them; default 1.
    """

    y: np.ndarray
    logits: np.ndarray
    temperature: float = 1.0

    @property
    def classes(self) -> int:
        """Number of classes."""
        return self.logits.shape[1]

    @cached_property
    def predicted(self) -> np.ndarray:
        """Predicted classes, `(n,)`."""
        return self.logits.argmax(axis=1)

    @cached_property
    def log_p(self) -> np.ndarray:
        """Log probabilities, `(n, classes)`."""
        return calibration.log_probabilities(self.logits)

    @cached_property
    def scaled(self) -> np.ndarray:
        """Log probabilities after temperature scaling, `(n, classes)`."""
        return calibration.log_probabilities(self.logits, self.temperature)


@dataclass(frozen=True)
class ClassificationMetrics:
    """Metrics of one file; None where the examples do not determine one.

    Args:
        accuracy: fraction of correct predictions.
        accuracy_interval: Wilson's 95 % interval.
        top5: fraction of examples whose class is among the 5 largest logits; None for
            at most 5 classes.
        macro_f1: mean F1 over the classes of the test split.
        auc: macro area under the ROC curve, one against the rest.
        recall: recall per class.
        worst_class: class number with the lowest recall.
        nll: negative log likelihood, in nats.
        brier: Brier score.
        ece: expected calibration error with 15 bins.
        temperature: fitted on validation.
        nll_scaled: negative log likelihood after temperature scaling.
        ece_scaled: expected calibration error after temperature scaling.
    """

    accuracy: float
    accuracy_interval: list[float]
    top5: float | None
    macro_f1: float
    auc: float | None
    recall: list[float | None]
    worst_class: int
    nll: float
    brier: float
    ece: float
    temperature: float
    nll_scaled: float
    ece_scaled: float


@dataclass(frozen=True)
class ClassificationComparison(Comparison):
    """One file compared with the reference.

    Args:
        metrics: metrics of the file.
        drop: accuracy lost against the reference; negative for a gain.
        drop_interval: paired bootstrap interval of the drop.
        agreement: fraction of examples with the same predicted class.
        kl: mean KL(reference || file), in nats.
        flips_worse: number of examples that became wrong.
        flips_better: number of examples that became correct.
        mcnemar: exact p value of McNemar's test.
        change: metric -> file minus reference.
        recall_change: change of the recall per class; None for an absent class.
        most_changed_class: class number with the largest change of recall.
    """

    metrics: ClassificationMetrics
    drop: float
    drop_interval: list[float]
    agreement: float
    kl: float
    flips_worse: int
    flips_better: int
    mcnemar: float
    change: Mapping[str, Change | None]
    recall_change: list[Change | None]
    most_changed_class: int

    def to_json(self) -> Row:
        """Return the task's entries of a row of evaluation.json."""
        row = super().to_json()
        return {**row.pop("metrics"), **row}


def compare(
    before: Predictions, after: Predictions, resamples: int, seed: int
) -> ClassificationComparison:
    """Compare a file with the reference.

    Args:
        before: predictions of the reference.
        after: predictions of the file, for the same examples.
        resamples: number of bootstrap resamples.
        seed: equal seeds draw equal examples.
    """
    y, old, new = after.y, before.predicted, after.predicted
    losses = statistics.accuracy_losses(y, old, new)
    worse, better = statistics.count_flips(y, old, new)
    changes = _changes(before, after, resamples, seed)
    recall_changes = changes.pop("recall")
    return ClassificationComparison(
        metrics=metrics_of(after),
        drop=float(losses.mean()),
        drop_interval=list(statistics.paired_interval(losses, resamples, seed)),
        agreement=statistics.agreement(old, new),
        kl=statistics.kl_divergence(before.log_p, after.log_p),
        flips_worse=worse,
        flips_better=better,
        mcnemar=statistics.mcnemar(worse, better),
        change={name: change for name, (change,) in changes.items()},
        recall_change=recall_changes,
        most_changed_class=_most_changed(recall_changes),
    )


def metrics_of(predictions: Predictions) -> ClassificationMetrics:
    """Compute the metrics of one file."""
    y, log_p, predicted = predictions.y, predictions.log_p, predictions.predicted
    recall = statistics.recall(y, predicted, predictions.classes)
    return ClassificationMetrics(
        accuracy=statistics.accuracy(y, predicted),
        accuracy_interval=list(statistics.accuracy_interval(y, predicted)),
        top5=_top_5(predictions),
        macro_f1=statistics.macro_f1(y, predicted),
        auc=statistics.macro_roc_auc(y, log_p),
        recall=recall,
        worst_class=_lowest(recall),
        nll=float(calibration.nll(log_p, y).mean()),
        brier=float(calibration.brier(log_p, y).mean()),
        ece=calibration.ece(log_p, y),
        temperature=predictions.temperature,
        nll_scaled=float(calibration.nll(predictions.scaled, y).mean()),
        ece_scaled=calibration.ece(predictions.scaled, y),
    )


def _top_5(predictions: Predictions) -> float | None:
    if predictions.classes <= statistics.TOP_K:
        return None
    return float(statistics.in_top_k(predictions.y, predictions.logits).mean())


def _changes(
    before: Predictions, after: Predictions, resamples: int, seed: int
) -> dict[str, list[Change | None]]:
    """Metric -> its change; `recall` -> its change per class."""
    old, new = _statistics(before), _statistics(after)
    changes = {}
    for name in new:
        count = min(resamples, AUC_RESAMPLES) if name == "auc" else resamples
        weights = bootstrap.bootstrap_weights(len(after.y), count, seed)
        difference = bootstrap.difference(old[name], new[name])
        values = bootstrap.once(difference, len(after.y))
        intervals = bootstrap.percentile_intervals(difference, weights)
        changes[name] = [_change(*pair) for pair in zip(values, intervals, strict=True)]
    return changes


def _statistics(predictions: Predictions) -> dict[str, bootstrap.Statistic]:
    y, log_p, predicted = predictions.y, predictions.log_p, predictions.predicted
    bins = calibration.confidence_bin(calibration.confidence(log_p))
    gap = calibration.confidence_gap(log_p, y)
    metrics = {
        "macro_f1": bootstrap.macro_f1(y, predicted, predictions.classes),
        "nll": bootstrap.mean(calibration.nll(log_p, y)),
        "brier": bootstrap.mean(calibration.brier(log_p, y)),
        "ece": bootstrap.calibration_error(bins, gap, calibration.BINS),
        "recall": bootstrap.recall(y, predicted, predictions.classes),
    }
    if predictions.classes > statistics.TOP_K:
        metrics["top5"] = bootstrap.mean(statistics.in_top_k(y, predictions.logits))
    if len(np.unique(y)) > 1:
        metrics["auc"] = bootstrap.macro_roc_auc(y, log_p)
    return metrics


def _change(value: Any, interval: bootstrap.Interval | None) -> Change | None:
    if np.isnan(value):
        return None
    return Change(float(value), list(interval) if interval else None)


def _lowest(recall: list[float | None]) -> int:
    """The class with the lowest recall."""
    values = [np.inf if value is None else value for value in recall]
    return int(np.argmin(values))


def _most_changed(changes: list[Change | None]) -> int:
    """The class whose recall changed most, up or down."""
    sizes = [abs(change.value) if change else -1.0 for change in changes]
    return int(np.argmax(sizes))
