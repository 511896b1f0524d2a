"""Evaluation of rankings: ranks of the true items, and changed recommendations.

In: scores of all items for every test example. Out: a row of evaluation.json;
recommendations.json with the recommendations of the baseline and of the chosen file for
some users.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.core.json_io import write_json
from pipeline.tasks.evaluation import (
    Change,
    Comparison,
    Context,
    Evaluator,
    Model,
    Point,
    as_row,
    baseline_and_chosen,
    outputs_in_batches,
)
from pipeline.tasks.ranking.metric import METRIC
from pipeline.tasks.ranking.ranks import ranks, top, without
from pipeline.tasks.ranking_rows import rows_of

EXAMPLES = 12  # of recommendations on the page
FILE = "recommendations.json"


@dataclass(frozen=True)
class Rankings:
    """Rankings of one file.

    Args:
        rank: of the true item of each test example, `(n,)`.
        items: the first ten items of each, `(n, 10)`.
        count: number of items that can be ranked.
        y: targets as stored, `(n, 1 + others)`.
    """

    rank: np.ndarray
    items: np.ndarray
    count: int
    y: np.ndarray


@dataclass(frozen=True)
class RankingComparison(Comparison):
    """One file compared with the reference.

    Args:
        ndcg_at_10: mean discounted gain of the true items.
        ndcg_at_10_interval: bootstrap interval over users.
        drop: NDCG@10 lost against the reference.
        drop_interval: paired bootstrap interval of the drop.
        recall_at_10: fraction of the true items that are among the first ten.
        mrr: mean reciprocal rank.
        same_items: fraction of the first ten items that the reference has too.
        coverage: fraction of all items that are among the first ten of any example.
        change: `recall_at_10` and `mrr` -> file minus reference.
    """

    ndcg_at_10: float
    ndcg_at_10_interval: list[float] | None
    drop: float
    drop_interval: list[float] | None
    recall_at_10: float
    mrr: float
    same_items: float
    coverage: float
    change: Mapping[str, Change]


def compare(
    before: Rankings, after: Rankings, resamples: int, seed: int
) -> RankingComparison:
    """Compare a file with the reference.

    Args:
        before: rankings of the reference.
        after: rankings of the file, for the same examples.
        resamples: number of bootstrap resamples.
        seed: equal seeds draw equal users.
    """
    y, old, new = after.y, before.rank, after.rank
    value = METRIC.value(new, y)
    same = [len(set(a) & set(b)) / len(a) for a, b in zip(before.items, after.items)]
    return RankingComparison(
        ndcg_at_10=value,
        ndcg_at_10_interval=METRIC.interval(new, y, resamples, seed),
        drop=METRIC.value(old, y) - value,
        drop_interval=METRIC.drop_interval(old, new, y, seed, resamples),
        recall_at_10=METRIC.others["recall_at_10"].value(new, y),
        mrr=METRIC.others["mrr"].value(new, y),
        same_items=float(np.mean(same)),
        coverage=len(np.unique(after.items)) / after.count,
        change=_changes(old, new, y, (resamples, seed)),
    )


def _changes(
    old: np.ndarray, new: np.ndarray, y: np.ndarray, draws: tuple[int, int]
) -> dict[str, Change]:
    changes, (resamples, seed) = {}, draws
    for key, other in METRIC.others.items():
        difference = other.value(new, y) - other.value(old, y)
        interval = other.drop_interval(old, new, y, seed, resamples)
        low_high = interval and other.metric.differences(interval)
        changes[key] = Change(difference, low_high)
    return changes


def _predict(context: Context, model: Model, point: Point) -> Rankings:
    y = np.asarray(context.test.y)
    rank, items, begin = [], [], 0
    for scores in outputs_in_batches(model, context.test.x):
        rows = y[begin : begin + len(scores)]
        rank.append(ranks(scores, rows))
        items.append(top(without(scores, rows)))
        begin += len(scores)
    count = int(context.data.spec.target["items"])
    return Rankings(np.concatenate(rank), np.concatenate(items), count, y)


def _write(
    out: Path, context: Context, predictions: Mapping[str, Rankings], pareto: Point
) -> None:
    step = rows_of(context.data.spec)
    if step is None:
        return
    baseline, chosen = baseline_and_chosen(predictions, pareto)
    positions = np.unique(np.linspace(0, len(chosen.y) - 1, EXAMPLES).astype(int))

    def names(items: Sequence[int]) -> list[str]:
        return [step.items[int(k)] for k in items]

    rows: list[dict[str, Any]] = [
        {
            "input": step.describe(context.test.x[k]),
            "true": step.items[int(chosen.y[k, 0])],
            "rank": {
                "baseline": float(baseline.rank[k]),
                "chosen": float(chosen.rank[k]),
            },
            "baseline": names(baseline.items[k][:5]),
            "chosen": names(chosen.items[k][:5]),
        }
        for k in positions
    ]
    write_json(out / FILE, {"examples": rows})


EVALUATION = Evaluator(
    _predict, as_row(compare), _write, evidence=lambda rankings: rankings.rank
)
