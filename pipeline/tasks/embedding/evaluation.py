"""Evaluation of embeddings: who is recognized, and what compression changed.

In: vectors of the test examples, whose classes no training example has. Out: a row of
evaluation.json; embedding.json and distances.png with the distances of pairs of one
class and of two; neighbors.png with nearest neighbors, where examples can be drawn.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from pipeline.metrics import bootstrap
from pipeline.tasks.embedding import pictures
from pipeline.tasks.embedding.distances import (
    fraction_within,
    nearest_hits,
    neighbors,
    one_shot,
    pair_counts,
)
from pipeline.tasks.embedding.metric import METRIC, OTHERS
from pipeline.tasks.evaluation import (
    Change,
    Comparison,
    Context,
    Evaluator,
    Model,
    Point,
    as_row,
    baseline_and_chosen,
    changes_of,
)


@dataclass(frozen=True)
class Vectors:
    """Vectors of one file.

    Args:
        y: class numbers, `(n,)`.
        vectors: of length 1, `(n, size)`.
        threshold: maximum distance of one identity, chosen on validation; None where
            none could be chosen.
    """

    y: np.ndarray
    vectors: np.ndarray
    threshold: float | None = None

    @cached_property
    def counts(self) -> np.ndarray:
        """Distances of each query, counted, `(n, 2, BINS)`; see `pair_counts`."""
        return pair_counts(self.vectors, self.y)

    @cached_property
    def closest(self) -> np.ndarray:
        """Position of the nearest other example, `(n,)`."""
        return neighbors(self.vectors)

    def fraction(self, own: int, below: bool) -> float | None:
        """Return the fraction of pairs on one side of the threshold.

        Args:
            own: 1 for pairs of one class, 0 for pairs of two.
            below: True for distances of at most the threshold.

        Returns:
            The fraction; None without a threshold or pairs.
        """
        counts = self.counts[:, own].sum(axis=0, dtype=np.float64)
        if self.threshold is None or not counts.sum():
            return None
        within = fraction_within(counts, self.threshold)
        return within if below else 1 - within


@dataclass(frozen=True)
class EmbeddingComparison(Comparison):
    """One file compared with the reference.

    Args:
        recall_at_1: probability that a query is recognized from one enrolled example of
            each class.
        recall_at_1_interval: bootstrap interval over queries; None where it is
            undefined.
        drop: recall lost against the reference.
        drop_interval: paired bootstrap interval of the drop.
        tested_classes: number of classes of the test split; a guess is right once in as
            many.
        recall_all: fraction of the queries whose nearest other example is of their
            class.
        recall_all_interval: its bootstrap interval.
        eer: equal error rate of all pairs.
        eer_interval: its bootstrap interval.
        threshold: distance up to which two examples are called one identity.
        false_accepts: fraction of the pairs of two classes within the threshold.
        false_rejects: fraction of the pairs of one class beyond it.
        changed_neighbors: fraction of the queries whose nearest other example differs
            from the reference's.
        change: `recall_all` and `eer` -> file minus reference.
    """

    recall_at_1: float
    recall_at_1_interval: list[float] | None
    drop: float
    drop_interval: list[float] | None
    tested_classes: int
    recall_all: float
    recall_all_interval: list[float] | None
    eer: float
    eer_interval: list[float] | None
    threshold: float | None
    false_accepts: float | None
    false_rejects: float | None
    changed_neighbors: float
    change: Mapping[str, Change]


def compare(
    before: Vectors, after: Vectors, resamples: int, seed: int
) -> EmbeddingComparison:
    """Compare a file with the reference.

    Args:
        before: vectors of the reference.
        after: vectors of the file, for the same examples.
        resamples: number of bootstrap resamples.
        seed: equal seeds draw equal queries.
    """
    y, old, new = after.y, before.vectors, after.vectors
    recall, eer = OTHERS["recall_all"], OTHERS["eer"]
    value = METRIC.value(new, y)
    return EmbeddingComparison(
        recall_at_1=value,
        recall_at_1_interval=METRIC.interval(new, y, resamples, seed),
        drop=METRIC.value(old, y) - value,
        drop_interval=METRIC.drop_interval(old, new, y, seed, resamples),
        tested_classes=len(np.unique(y)),
        recall_all=recall.value(new, y),
        recall_all_interval=recall.interval(new, y, resamples, seed),
        eer=eer.value(new, y),
        eer_interval=eer.interval(new, y, resamples, seed),
        threshold=after.threshold,
        false_accepts=after.fraction(0, below=True),
        false_rejects=after.fraction(1, below=False),
        changed_neighbors=float(np.mean(before.closest != after.closest)),
        change=_changes(old, new, y, resamples, seed),
    )


def _changes(
    old: np.ndarray, new: np.ndarray, y: np.ndarray, resamples: int, seed: int
) -> dict[str, Change]:
    differences = {}
    for name, metric in OTHERS.items():
        assert metric.resampled is not None
        statistics = (metric.resampled(vectors, y) for vectors in (old, new))
        differences[name] = bootstrap.difference(*statistics)
    return changes_of(differences, len(y), resamples, seed)


def _predict(context: Context, model: Model, point: Point) -> Vectors:
    x, y = context.test.x, context.test.y
    vectors = METRIC.evidence(model.logits(x), x, y)
    return Vectors(y, vectors, point["threshold"])


def _write(
    out: Path, context: Context, predictions: Mapping[str, Vectors], pareto: Point
) -> None:
    baseline, chosen = baseline_and_chosen(predictions, pareto)
    queries = [
        pictures.Queries(
            one_shot(v.vectors, v.y), nearest_hits(v.vectors, v.y), v.closest, v.counts
        )
        for v in (baseline, chosen)
    ]
    pictures.write(out, context, queries[0], queries[1], chosen.threshold)


EVALUATION = Evaluator(
    _predict, as_row(compare), _write, lambda vectors: vectors.vectors
)
