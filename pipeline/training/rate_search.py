"""A learning rate for a model that is trained already: a range test from its state.

In: a compiled model of tf_keras, and its training examples. Out: the rate after which
the loss on training examples is lowest, of short runs that all begin at the model's
state; model and optimizer are restored. A rate that suits a new model moves a converged
one out of its minimum (Smith, Cyclical Learning Rates for Training Neural Networks,
2017, introduces the test).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import tensorflow as tf

# From one that changes nothing to the default of a new model.
RATES = (1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 2e-3)
STEPS = 20  # per rate: a rate that is too high is far off by then
EXAMPLES = 512  # whose loss is compared


class PeakRate:
    """The highest rate of a schedule, which a search can fix for a while.

    Args:
        rate: the highest rate.
    """

    def __init__(self, rate: float):
        self.rate = tf.Variable(rate, dtype=tf.float32, trainable=False)
        self.fixed = tf.Variable(False, trainable=False)

    def __call__(self, factor: tf.Tensor) -> tf.Tensor:
        """Return the rate of a step with a factor of the schedule."""
        return self.rate * tf.where(self.fixed, 1.0, factor)


def find_rate(
    model: Any, peak: PeakRate, run: Callable[[int], None], loss: Callable[[], float]
) -> float:
    """Find a rate, set it as the highest one, and restore the model.

    Args:
        model: compiled with `peak`; its weights and its optimizer are restored.
        peak: of the schedule.
        run: trains the model for a number of steps.
        loss: returns the loss of the model on fixed examples.
    """
    model.optimizer.build(model.trainable_variables)
    variables = list(model.optimizer.variables)
    state, slots = model.get_weights(), [variable.numpy() for variable in variables]
    losses: dict[float, float] = {}
    peak.fixed.assign(True)
    for rate in RATES:
        peak.rate.assign(rate)
        run(STEPS)
        losses[rate] = loss()
        model.set_weights(state)
        for variable, value in zip(variables, slots):
            variable.assign(value)
    peak.fixed.assign(False)
    best = min(RATES, key=lambda rate: _finite(losses[rate]))
    peak.rate.assign(best)
    return best


def _finite(loss: float) -> float:
    return loss if math.isfinite(loss) else math.inf
