"""An epoch as one graph: no Python between its steps, data where the graph is.

In: a model, an objective, an optimizer and a feed. Out: a function of (epoch, first
step, last step, learning rates) that trains, and one that validates. While a batch
is learnt from, TensorFlow makes the next ones: they depend on no state.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from pipeline.data.artifact import Split
from pipeline.data.spec import TaskSpec
from pipeline.core.determinism import derive_seed
from pipeline.fit.averages import Averages
from pipeline.fit.batches import Feed, fetcher, target_of, to_input
from pipeline.fit.goals import Goal, judged, measured
from pipeline.fit.losses import Loss
from pipeline.fit.objective import Objective, as_float, per_example, weighed_mean

AHEAD = 10  # batches that may be made before they are needed
VALIDATED = 512  # examples at once


class Trainer:
    """Trains steps of an epoch; stops at the first loss that is not a number.

    Args:
        goal: what is counted of each step, beside the loss.
        total: steps of the whole fit, for the objective's schedules.
        jit: compile the step with XLA.
    """

    def __init__(
        self,
        model: keras.Model,
        objective: Objective,
        goal: Goal,
        optimizer: Any,
        feed: Feed,
        averages: Averages,
        total: int,
        jit: bool = False,
    ):
        self.model, self.objective, self.optimizer = model, objective, optimizer
        self.feed, self.averages, self.total = feed, averages, total
        self.goal = goal
        self.weights = [*model.trainable_variables, *objective.variables]
        self.strategy = tf.distribute.get_strategy()
        self.devices = self.strategy.num_replicas_in_sync
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
        """Steps `begin` to `end` of an epoch, int64 scalars.

        Args:
            sums: of the losses and of the counts of the steps before `begin`; they
                come in so that no bit depends on how an epoch is cut into calls.

        Returns:
            The step after the last one done, both sums, and the last loss.
        """
        order = self.feed.order(epoch)

        def proceed(step: tf.Tensor, *sums: tf.Tensor) -> tf.Tensor:
            return (step < end) & tf.math.is_finite(sums[-1])

        def body(step: tf.Tensor, losses: tf.Tensor, counts: tf.Tensor, _: tf.Tensor):
            self.optimizer.learning_rate = rates[step]
            loss, count = self._on_all(epoch, order[step], step)
            self.averages.follow(self.optimizer.iterations)
            return step + 1, losses + loss, counts + count, loss

        state = (begin, *sums, tf.constant(0.0))
        return tf.while_loop(proceed, body, state, parallel_iterations=AHEAD)

    def _on_all(
        self, epoch: tf.Tensor, at: tf.Tensor, step: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        done = tf.cast(epoch * self.feed.steps + step, tf.float32) / self.total
        if self.devices == 1:
            return self.step(epoch, at, tf.minimum(done, 1.0))
        parts = self.strategy.run(self._share, (epoch, at, done))
        total = [self.strategy.reduce("SUM", part, axis=None) for part in parts]
        return total[0], total[1]

    def _share(self, epoch: tf.Tensor, at: tf.Tensor, done: tf.Tensor) -> Any:
        """A device's part of the batch; each augments its own examples."""
        mine = tf.distribute.get_replica_context().replica_id_in_sync_group
        return self.step(epoch, at[mine :: self.devices], done)

    def _step(
        self, epoch: tf.Tensor, at: tf.Tensor, done: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        batch = self.feed.batch(epoch, at, done)
        with tf.GradientTape() as tape:
            losses, logits = self.objective(self.model, batch)
            loss = weighed_mean(losses, batch.weights) + sum(self.model.losses)
            loss = loss / self.devices
            scaled = self.optimizer.scale_loss(loss)
        gradients = tape.gradient(scaled, [weight.value for weight in self.weights])
        self.optimizer.apply(gradients, self.weights)
        return loss, self.goal.count(batch.y, logits) / self.devices


class Validator:
    """Loss and measure on a split, in inference mode: nothing is changed by it."""

    def __init__(
        self, model: keras.Model, split: Split, spec: TaskSpec, loss: Loss, goal: Goal
    ):
        self.model, self.spec, self.loss, self.goal = model, spec, loss, goal
        self.split, self.judged = split, judged(split, spec)
        self.count = len(split) if self.judged is None else float(self.judged.sum())
        self.fetch, self.y = fetcher(split.x), tf.constant(split.y)
        at = np.arange(len(split), dtype=np.int64)
        self.parts = [tf.constant(at[i : i + VALIDATED]) for i in at[::VALIDATED]]

    def __call__(self) -> dict[str, float]:
        """`val_loss`, the mean over the examples, and the measure, as `val_<key>`."""
        found = [self._part(part) for part in self.parts]
        loss = float(sum(float(total) for total, _ in found))
        reached = measured(self.goal, [each for _, each in found], self.split)
        return {f"val_{self.goal.key}": reached, "val_loss": loss / self.count}

    @tf.function(autograph=False)
    def _part(self, at: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        x = to_input(self.fetch(at), self.spec)
        y = target_of(tf.gather(self.y, at), x, self.spec)
        logits = as_float(self.model(x, training=False))
        losses = per_example(self.loss(y, logits))
        if self.judged is not None:
            losses *= tf.gather(tf.constant(self.judged), at)
        return tf.reduce_sum(losses), self.goal.evidence(y, logits)


def seed_generators(model: keras.Model, seed: int, epoch: int) -> None:
    """Set the state of dropout and its like to a function of (seed, epoch, layer)."""
    for variable in model.variables:
        if variable.name == "seed_generator_state":
            drawn = derive_seed(seed, "layer", epoch, variable.path)
            variable.assign(np.array([drawn, 0], variable.dtype))
