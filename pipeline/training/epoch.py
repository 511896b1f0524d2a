"""One epoch as one graph: no Python between steps, data inside the graph.

In: a model, an objective, an optimizer and a batch source. Out: a function of (epoch,
first step, last step, learning rates) that trains, and one that validates. TensorFlow
prepares the next batches during a step, since they depend on no state.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from pipeline.core.determinism import derive_seed
from pipeline.data.artifact import Split
from pipeline.data.spec import TaskSpec
from pipeline.tasks.training import (
    TrainingMetric,
    inference_batch,
    learnable,
    per_example,
    target_of,
    training_of,
)
from pipeline.training.acting import acting
from pipeline.training.batches import (
    BatchSource,
    fetcher,
    to_input,
    validation_positions,
)
from pipeline.training.losses import Loss
from pipeline.training.objective import Objective, as_float, weighed_mean
from pipeline.training.params import FitSettings
from pipeline.training.weight_averaging import WeightAverages

PREFETCHED = 10  # batches that may be prepared before they are needed


@dataclass(frozen=True)
class FitSetup:
    """What every phase of a fit has in common.

    Args:
        model: changed in place.
        objective: training loss.
        metric: quantity that is recorded beside the loss.
        source: batches of the training split.
        settings: settings of the fit.
    """

    model: keras.Model
    objective: Objective
    metric: TrainingMetric
    source: BatchSource
    settings: FitSettings


class Trainer:
    """Runs the steps of an epoch; stops at the first loss that is not finite.

    Args:
        setup: model, objective, metric, batches and settings.
        optimizer: a Keras optimizer that has not been built.
        averages: follows the weights after each step.
        total: steps of the phase, for schedules of the objective.
    """

    def __init__(
        self, setup: FitSetup, optimizer: Any, averages: WeightAverages, total: int
    ):
        self.setup, self.optimizer = setup, optimizer
        self.averages, self.total = averages, total
        self.weights = [*setup.model.trainable_variables, *setup.objective.variables]
        self.strategy = tf.distribute.get_strategy()
        self.devices = self.strategy.num_replicas_in_sync
        jit = setup.settings.jit_compile
        self.step = tf.function(self._step, jit_compile=True) if jit else self._step
        optimizer.build(self.weights)

    @tf.function(autograph=False, reduce_retracing=True)
    def __call__(
        self,
        epoch: tf.Tensor,
        begin: tf.Tensor,
        end: tf.Tensor,
        rates: tf.Tensor,
        sums: tuple[tf.Tensor, tf.Tensor],
    ) -> tuple[tf.Tensor, ...]:
        """Run steps `begin` to `end` of an epoch.

        Args:
            epoch: number of the epoch, an int64 scalar, from 0.
            begin: first step to run, an int64 scalar, from 0.
            end: the step to stop before, an int64 scalar.
            rates: learning rate of each step of the epoch, `(steps,)` float32.
            sums: sums of the losses and of the metric over the steps before `begin`.
                They are carried in so that results do not depend on how an epoch is
                divided into calls.

        Returns:
            The step after the last one run, both sums, and the last loss.
        """
        order = self.setup.source.order(epoch)

        def proceed(step: tf.Tensor, *sums: tf.Tensor) -> tf.Tensor:
            return (step < end) & tf.math.is_finite(sums[-1])

        def body(step: tf.Tensor, losses: tf.Tensor, metrics: tf.Tensor, _: tf.Tensor):
            self.optimizer.learning_rate = rates[step]
            loss, metric = self._on_all(epoch, order[step], step)
            self.averages.after_step(self.optimizer.iterations)
            return step + 1, losses + loss, metrics + metric, loss

        state = (begin, *sums, tf.constant(0.0))
        return tf.while_loop(proceed, body, state, parallel_iterations=PREFETCHED)

    def _on_all(
        self, epoch: tf.Tensor, positions: tf.Tensor, step: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        steps = self.setup.source.steps
        progress = tf.cast(epoch * steps + step, tf.float32) / self.total
        if self.devices == 1:
            return self.step(epoch, positions, tf.minimum(progress, 1.0))
        shards = self.strategy.run(self._shard, (epoch, positions, progress))
        totals = [self.strategy.reduce("SUM", shard, axis=None) for shard in shards]
        return totals[0], totals[1]

    def _shard(
        self, epoch: tf.Tensor, positions: tf.Tensor, progress: tf.Tensor
    ) -> Any:
        """Run a device's shard of the batch; each device augments its own examples."""
        replica = tf.distribute.get_replica_context().replica_id_in_sync_group
        return self.step(epoch, positions[replica :: self.devices], progress)

    def _step(
        self, epoch: tf.Tensor, positions: tf.Tensor, progress: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        model = self.setup.model
        batch = self.setup.source.batch(epoch, positions, progress)
        with tf.GradientTape() as tape:
            losses, logits = self.setup.objective(model, batch)
            loss = weighed_mean(losses, batch.weights) + sum(model.losses)
            loss = loss / self.devices
            scaled = self.optimizer.scale_loss(loss)
        gradients = tape.gradient(scaled, [weight.value for weight in self.weights])
        self.optimizer.apply(gradients, self.weights)
        return loss, self.setup.metric.of_batch(batch.y, logits) / self.devices


class Validator:
    """Computes loss and metric of a split in inference mode, without side effects.

    Args:
        model: a model with one output.
        split: the validation split.
        spec: signature of the data.
        loss: `(targets, logits)` -> loss per example.
        metric: the metric of the task.
    """

    def __init__(
        self,
        model: keras.Model,
        split: Split,
        spec: TaskSpec,
        loss: Loss,
        metric: TrainingMetric,
    ):
        self.model, self.spec, self.loss, self.metric = model, spec, loss, metric
        mask = learnable(split.y, spec)
        self.split, self.mask = split, None if mask is None else np.float32(mask)
        self.count = len(split) if self.mask is None else float(self.mask.sum())
        self.fetch, self.y = fetcher(split.x), tf.constant(split.y)
        self.batches = position_batches(len(split), spec)
        self.split_y = targets_in_order(split.y, self.batches, spec)
        self.acting = acting(model)

    def __call__(self) -> dict[str, float]:
        """Return `val_loss`, the mean over the examples, and `val_<metric>`."""
        if self.metric.rollout:
            return self.metric.of_rollouts(self.acting, self.split.y)
        results = [self._batch(positions) for positions in self.batches]
        loss = float(sum(float(total) for total, _ in results))
        evidence = [values for _, values in results]
        value = self.metric.of_split(evidence, self.split_y)
        return {f"val_{self.metric.key}": value, "val_loss": loss / self.count}

    @tf.function(autograph=False)
    def _batch(self, positions: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        x = to_input(self.fetch(positions), self.spec)
        return self._compare(positions, x, self.model(x, training=False))

    def _compare(
        self, positions: tf.Tensor, x: tf.Tensor, outputs: Any
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Return the sum of the losses of a batch, and the evidence of its metric."""
        y = target_of(tf.gather(self.y, positions), x, self.spec)
        logits = as_float(outputs)
        losses = per_example(self.loss(y, logits))
        if self.mask is not None:
            losses *= tf.gather(tf.constant(self.mask), positions)
        return tf.reduce_sum(losses), self.metric.evidence(y, logits)


def position_batches(count: int, spec: TaskSpec) -> list[tf.Tensor]:
    """Return the batches of `validation_positions`.

    Args:
        count: number of examples of the split.
        spec: signature of the data.
    """
    size = inference_batch(spec)
    return [tf.constant(rows) for rows in validation_positions(count, size, spec)]


def targets_in_order(
    y: np.ndarray, batches: list[tf.Tensor], spec: TaskSpec
) -> np.ndarray:
    """Return the targets of a split in the order of its batches.

    Args:
        y: targets of the split as stored, `(n, ...)`.
        batches: result of `position_batches`.
        spec: signature of the data.
    """
    if not training_of(spec).per_class:
        return y  # in their order
    return y[np.concatenate([batch.numpy() for batch in batches])]


def seed_generators(model: keras.Model, seed: int, epoch: int) -> None:
    """Set the random state of dropout and similar layers from (seed, epoch, layer).

    Args:
        model: changed in place.
        seed: seed of the fit.
        epoch: number of the epoch, from 0.
    """
    for variable in model.variables:
        if variable.name == "seed_generator_state":
            state = derive_seed(seed, "layer", epoch, variable.path)
            variable.assign(np.array([state, 0], variable.dtype))
