"""Pinball loss of a file, and how often the outer quantiles hold the true number."""

from dataclasses import dataclass

import numpy as np
from quantile_metric import METRIC

from pipeline.tasks.evaluation import Evaluator


@dataclass(frozen=True)
class Predictions:
    y: np.ndarray
    outputs: np.ndarray

    @property
    def losses(self):
        return METRIC.evidence(self.outputs, self.outputs, self.y)

    @property
    def coverage(self):
        low, high = self.outputs.min(axis=1), self.outputs.max(axis=1)
        return float(np.mean((low <= self.y) & (self.y <= high)))


def _predict(context, model, point):
    return Predictions(context.test.y, model.logits(context.test.x))


def _compare(before, after, resamples, seed):
    losses, y = (before.losses, after.losses), after.y
    values = [METRIC.value(one, y) for one in losses]
    return {
        "pinball": values[1],
        "pinball_interval": METRIC.interval(losses[1], y, resamples, seed),
        "drop": METRIC.metric.drop(values[1], values[0]),
        "drop_interval": METRIC.drop_interval(*losses, y, seed, resamples),
        "coverage": after.coverage,
    }


EVALUATION = Evaluator(_predict, _compare)
