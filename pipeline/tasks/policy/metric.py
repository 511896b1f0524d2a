"""Mean return of seeded episodes, bootstrapped over episodes."""

from __future__ import annotations

import numpy as np

from pipeline.metrics import bootstrap, task_metrics
from pipeline.metrics.task_metrics import Predict, TaskMetric
from pipeline.tasks.policy.episodes import World, greedy, play, seeds_of
from pipeline.tasks.policy.task import TASK
from pipeline.tasks.spec import TaskSpec


def _metric(spec: TaskSpec) -> TaskMetric:
    """Return the metric of an environment.

    Args:
        spec: signature of the data.
    """
    world = World(spec)

    def rollout(predict: Predict, y: np.ndarray) -> np.ndarray:
        return play(world, seeds_of(y), greedy(world, predict)).returns

    return TaskMetric(
        TASK.metric,
        evidence=_not_of_outputs,
        value=task_metrics.mean,
        resampled=lambda evidence, y: bootstrap.mean(evidence),
        rollout=rollout,
    )


def _not_of_outputs(
    outputs: np.ndarray, inputs: np.ndarray, y: np.ndarray
) -> np.ndarray:
    raise ValueError("the return of a policy needs a rollout, not outputs")


METRIC = _metric
