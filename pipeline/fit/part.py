"""One phase of a fit: the layers that it trains, its optimizer, its rates, its steps.

In: what is fitted on what, the same in every phase. Out: the training columns of one
epoch after another; a loss that is not a number any more is an error.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf

from pipeline.core.errors import StageFailed
from pipeline.fit import stopping
from pipeline.fit.averages import Averages
from pipeline.fit.batches import Feed
from pipeline.fit.checkpoint import Arrays
from pipeline.fit.epoch import Trainer
from pipeline.fit.goals import Goal
from pipeline.fit.objective import Objective
from pipeline.fit.optimizers import make_optimizer
from pipeline.fit.pace import Pace
from pipeline.fit.params import FitSettings, Phase
from pipeline.fit.phases import unfreeze
from pipeline.fit.schedules import rate_factor
from pipeline.fit.stopping import Row


def deciding(model: keras.Model) -> keras.Model:
    """The part of a model with several outputs that leads to the first of them."""
    several = len(getattr(model, "outputs", ())) > 1
    return keras.Model(model.inputs, model.outputs[0]) if several else model


@dataclass(frozen=True)
class Work:
    """What is fitted on what."""

    model: keras.Model
    objective: Objective
    goal: Goal
    feed: Feed
    settings: FitSettings


class Part:
    """A trainer for the layers of a phase, with an optimizer of its own.

    Args:
        last_good: where the last checkpoint is, for the error.
    """

    def __init__(
        self, work: Work, phase: Phase, pace: Pace, last_good: Callable[[], str]
    ):
        self.work, self.pace, self.last_good = work, pace, last_good
        settings = work.settings
        if settings.phases:
            print(f"training {', '.join(unfreeze(deciding(work.model), phase))}")
        within = settings.model_copy(update={"epochs": phase.epochs})
        total = work.feed.steps * phase.epochs
        self.factor = rate_factor(within, total)
        self.averages = Averages(work.model, within)
        self.rate = settings.learning_rate * phase.rate
        self.optimizer = make_optimizer(settings, self.rate)
        given = (work.model, work.objective, work.goal, self.optimizer, work.feed)
        self.trainer = Trainer(*given, self.averages, total, settings.jit)

    def train(self, epoch: int, rows: Sequence[Row]) -> Row:
        """One epoch of steps.

        Args:
            epoch: its number in the whole fit, from 0.
            rows: the history of this phase.

        Raises:
            StageFailed: when the loss is not a number any more.
        """
        steps = self.work.feed.steps
        lowered = stopping.plateau_factor(rows, self.work.settings)
        done = tf.range(steps) + len(rows) * steps
        rates = self.rate * lowered * self.factor(done)
        sums = (tf.constant(0.0), tf.constant(0.0))
        for begin, end in self.pace.calls():
            at = (tf.constant(value, tf.int64) for value in (epoch, begin, end))
            clock = time.monotonic()
            step, *sums, loss = self.trainer(*at, rates, tuple(sums))
            if not np.isfinite(float(loss)):  # waits for the call to end
                raise self._diverged(float(loss), epoch, int(step), rates)
            self.pace.clock(clock, end - begin)
        loss, count = (float(total) / steps for total in sums)
        reached = self.work.goal.of_epoch(count)
        return {**reached, "learning_rate": float(rates[-1]), "loss": loss}

    def state(self) -> dict[str, Arrays]:
        """What a checkpoint holds beside the weights."""
        return {
            "optimizer": [variable.numpy() for variable in self.optimizer.variables],
            "objective": [
                variable.numpy() for variable in self.work.objective.variables
            ],
            "averages": self.averages.state(),
        }

    def restore(self, groups: dict[str, Arrays]) -> None:
        """Go on from a checkpoint."""
        _assign(self.optimizer.variables, groups["optimizer"])
        _assign(self.work.objective.variables, groups["objective"])
        self.averages.restore(groups["averages"])

    def _diverged(
        self, loss: float, epoch: int, step: int, rates: tf.Tensor
    ) -> StageFailed:
        rate = float(rates[min(step, len(rates)) - 1])
        where = f"epoch {epoch + 1}, step {step} of {self.work.feed.steps}"
        return StageFailed(
            f"the loss became {loss} in {where}, at a learning rate of {rate:.3g}; "
            f"{self.last_good()}. Lower the learning rate, or set clip_norm"
        )


def _assign(variables: Sequence[keras.Variable], values: Arrays) -> None:
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
