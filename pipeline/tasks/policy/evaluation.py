"""Evaluation of policies: every file plays the same seeded episodes.

In: a file, and the seeds of the test split. Out: a row of evaluation.json;
episodes.json with the return of each seed and file, and episode.png, an episode of the
baseline and of the chosen file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline.core.json_io import write_json
from pipeline.tasks.evaluation import (
    Comparison,
    Context,
    Evaluator,
    Model,
    Point,
    as_row,
    baseline_and_chosen,
)
from pipeline.tasks.policy import pictures
from pipeline.tasks.policy.episodes import Played, World, greedy, play, seeds_of
from pipeline.tasks.policy.metric import METRIC
from pipeline.tasks.spec import TaskSpec

DRAWN = 0  # position of the test episode in the picture


@dataclass(frozen=True)
class Episodes:
    """The test episodes of one file.

    Args:
        spec: signature of the data.
        y: targets as stored, `(n, columns)`.
        played: returns, and one episode in full.
    """

    spec: TaskSpec
    y: np.ndarray
    played: Played

    @property
    def returns(self) -> np.ndarray:
        """Return of each episode, `(n,)`: the evidence of the metric."""
        return self.played.returns


@dataclass(frozen=True)
class PolicyComparison(Comparison):
    """One file compared with the reference, on the same episodes.

    Args:
        mean_return: mean over the episodes.
        mean_return_interval: bootstrap interval over episodes.
        drop: return lost against the reference.
        drop_interval: paired bootstrap interval of the drop.
        lowest: return of the worst episode.
        median: median return.
        solved: fraction of the episodes with at least the return that Gymnasium calls
            solved; None where it names none.
        worse: fraction of the episodes with a lower return than the reference's.
    """

    mean_return: float
    mean_return_interval: list[float] | None
    drop: float
    drop_interval: list[float] | None
    lowest: float
    median: float
    solved: float | None
    worse: float


def compare(
    before: Episodes, after: Episodes, resamples: int, seed: int
) -> PolicyComparison:
    """Compare a file with the reference.

    Args:
        before: episodes of the reference.
        after: episodes of the file, with the same seeds.
        resamples: number of bootstrap resamples.
        seed: equal seeds draw equal episodes.
    """
    metric, y = METRIC(after.spec), after.y
    old, new = before.returns, after.returns
    threshold = after.spec.target["threshold"]
    return PolicyComparison(
        mean_return=metric.value(new, y),
        mean_return_interval=metric.interval(new, y, resamples, seed),
        drop=metric.value(old, y) - metric.value(new, y),
        drop_interval=metric.drop_interval(old, new, y, seed, resamples),
        lowest=float(new.min()),
        median=float(np.median(new)),
        solved=None if threshold is None else float((new >= threshold).mean()),
        worse=float((new < old).mean()),
    )


def _predict(context: Context, model: Model, point: Point) -> Episodes:
    spec, y = context.data.spec, context.test.y
    world = World(spec)
    played = play(world, seeds_of(y), greedy(world, model.predict), record=DRAWN)
    return Episodes(spec, y, played)


def _write(
    out: Path, context: Context, predictions: Mapping[str, Episodes], pareto: Point
) -> None:
    seeds = seeds_of(context.test.y)
    returns = {id: e.returns.tolist() for id, e in predictions.items()}
    steps = {id: e.played.steps.tolist() for id, e in predictions.items()}
    write_json(
        out / "episodes.json", {"seeds": seeds, "returns": returns, "steps": steps}
    )
    baseline, chosen = baseline_and_chosen(predictions, pareto)
    pictures.draw(out / "episode.png", baseline.played, chosen.played, seeds[DRAWN])


EVALUATION = Evaluator(
    _predict, as_row(compare), _write, lambda episodes: episodes.returns
)
