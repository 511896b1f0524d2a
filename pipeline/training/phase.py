"""Training of one phase of a fit: its layers, optimizer, learning rates and steps.

In: the setup that all phases have in common. Out: the training columns of one epoch
after another; a loss that is not finite is an error.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from pipeline.core.errors import StageFailed
from pipeline.training import early_stopping
from pipeline.training.checkpoint import Arrays
from pipeline.training.early_stopping import EpochRecord
from pipeline.training.epoch import FitSetup, Trainer
from pipeline.training.optimizers import make_optimizer
from pipeline.training.params import FitSettings, Phase
from pipeline.training.schedules import rate_factor
from pipeline.training.throughput import ThroughputMeter
from pipeline.training.unfreezing import unfreeze
from pipeline.training.weight_averaging import WeightAverages


def main_output_model(model: keras.Model) -> keras.Model:
    """Return the submodel that leads to the first of several outputs."""
    several = len(getattr(model, "outputs", ())) > 1
    return keras.Model(model.inputs, model.outputs[0]) if several else model


class PhaseTrainer:
    """Trains the layers of a phase, with a new optimizer.

    Args:
        setup: what all phases have in common.
        phase: the phase to train.
        meter: divides epochs into calls and times them.
        last_good: describes the last checkpoint, for the error message.
    """

    def __init__(
        self,
        setup: FitSetup,
        phase: Phase,
        meter: ThroughputMeter,
        last_good: Callable[[], str],
    ):
        self.setup, self.meter, self.last_good = setup, meter, last_good
        if setup.settings.phases:
            names = unfreeze(main_output_model(setup.model), phase)
            print(f"training {', '.join(names)}")
        settings = setup.settings.model_copy(update={"epochs": phase.epochs})
        total = setup.source.steps * phase.epochs
        self.factor = rate_factor(settings, total)
        self.averages = self._new_averages(settings)
        self.rate = settings.learning_rate * phase.rate
        self.optimizer = make_optimizer(settings, self.rate)
        self.trainer = self._new_trainer(total)

    def _new_averages(self, settings: FitSettings) -> WeightAverages:
        return WeightAverages(self.setup.model, settings)

    def _new_trainer(self, total: int) -> Any:
        """Return what `_run` runs the steps with.

        Args:
            total: steps of the phase.
        """
        return Trainer(self.setup, self.optimizer, self.averages, total)

    def train(self, epoch: int, history: Sequence[EpochRecord]) -> EpochRecord:
        """Train one epoch.

        Args:
            epoch: number of the epoch in the whole fit, from 0.
            history: records of this phase so far.

        Returns:
            The training columns: metric, learning rate, loss.

        Raises:
            StageFailed: if the loss is not finite.
        """
        steps = self.setup.source.steps
        settings, metric = self.setup.settings, self.setup.metric.metric
        lowered = early_stopping.plateau_factor(history, settings, metric)
        numbers = tf.range(steps) + len(history) * steps
        rates = self.rate * lowered * self.factor(numbers)
        loss, mean = (float(total) / steps for total in self._run(epoch, rates))
        columns = self.setup.metric.of_epoch(mean)
        return {**columns, "learning_rate": float(rates[-1]), "loss": loss}

    def _run(self, epoch: int, rates: tf.Tensor) -> Sequence[Any]:
        """Run all steps of an epoch; the sums of losses and of the metric."""
        sums = [tf.constant(0.0), tf.constant(0.0)]
        for begin, end in self.meter.calls():
            scalars = (tf.constant(value, tf.int64) for value in (epoch, begin, end))
            started = time.monotonic()
            step, *sums, loss = self.trainer(*scalars, rates, tuple(sums))
            if not np.isfinite(float(loss)):  # waits for the call to end
                raise self._diverged(float(loss), epoch, int(step), rates)
            self.meter.record(started, end - begin)
        return sums

    def state(self) -> dict[str, Arrays]:
        """Return what a checkpoint stores beside the weights."""
        objective = self.setup.objective.variables
        return {
            "optimizer": [np.asarray(v) for v in self.optimizer.variables],
            "objective": [variable.numpy() for variable in objective],
            "averages": self.averages.state(),
        }

    def restore(self, groups: dict[str, Arrays]) -> None:
        """Restore the groups of `state` from a checkpoint."""
        _assign(self.optimizer.variables, groups["optimizer"])
        _assign(self.setup.objective.variables, groups["objective"])
        self.averages.restore(groups["averages"])

    def _diverged(
        self, loss: float, epoch: int, step: int, rates: tf.Tensor
    ) -> StageFailed:
        rate = float(rates[min(step, len(rates)) - 1])
        where = f"epoch {epoch + 1}, step {step} of {self.setup.source.steps}"
        return StageFailed(
            f"the loss became {loss} in {where}, at a learning rate of {rate:.3g}; "
            f"{self.last_good()}. Lower the learning rate, or set `global_clipnorm`"
        )


def _assign(variables: Sequence[keras.Variable], values: Arrays) -> None:
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
