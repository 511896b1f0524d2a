"""Double deep Q-learning with a replay memory: the fit of an interactive task.

In: a model with a number per action, and the environment of its task. Out: the model
with the weights of its best epoch, and the history. An epoch is a number of steps in
the environment, with a batch of the memory per step; validation plays the seeded
episodes of the validation split. A killed fit resumes to the bit.

Mnih et al., Human-Level Control through Deep Reinforcement Learning, 2015; van Hasselt,
Guez, Silver, Deep Reinforcement Learning with Double Q-Learning, 2016.
"""

from __future__ import annotations

import time

import keras
import numpy as np
import tensorflow as tf

from pipeline.core.determinism import derive_seed
from pipeline.core.errors import StageFailed
from pipeline.tasks.training import training_metric, training_of
from pipeline.training import early_stopping
from pipeline.training.acting import acting
from pipeline.training.checkpoint import Arrays, State
from pipeline.training.checkpointing import CheckpointManager
from pipeline.training.context import FitContext, FitData
from pipeline.training.early_stopping import EpochRecord
from pipeline.training.epoch import seed_generators
from pipeline.training.history import History
from pipeline.training.params import FitSettings
from pipeline.training.q_learning.actors import Actors, Memory, explored
from pipeline.training.q_learning.learner import Learner, centered
from pipeline.training.schedules import rate_factor


def q_learning(
    model: keras.Model, data: FitData, settings: FitSettings, context: FitContext
) -> History:
    """Fit by acting, with early stopping on the mean return of seeded episodes.

    The outputs of the fitted model are advantages: action values minus their mean,
    which choose the same actions and need fewer bits.

    Args:
        model: a Keras 3 model, changed in place.
        data: signature, and the episodes of the validation split.
        settings: epochs, optimizer, schedule, loss, and `q_learning`.
        context: seed, callbacks, checkpoint folder, reporting.

    Returns:
        The records of all epochs, and the best one.

    Raises:
        StageFailed: if the loss is not finite.
        UserError: if the checkpoint is damaged or of another model or fit, or if the
            loss is not one of errors.
    """
    return Run(model, data, settings, context).run()


class Run:
    """One fit and its progress.

    Args:
        model, data, settings, context: see `q_learning`.
    """

    def __init__(
        self,
        model: keras.Model,
        data: FitData,
        settings: FitSettings,
        context: FitContext,
    ):
        environment = training_of(data.spec).environment
        assert environment is not None
        self.model, self.data = model, data
        self.settings, self.context = settings, context
        self.options, self.environment = settings.q_learning, environment
        self.metric = training_metric(data.spec, data.train.y)
        self.ticks = -(-self.options.steps // self.options.actors)  # per epoch
        self.learner = Learner(model, settings, self.options.actors)
        self.actors = Actors(environment, self.options.actors, context.seed)
        self.memory = Memory(self.options.memory, self.actors.observations.shape[1])
        self.act = acting(model)
        self.callbacks = keras.callbacks.CallbackList(
            list(context.callbacks), model=model
        )
        self.checkpoints = CheckpointManager(
            context.checkpoint_folder, model, settings, context.seed
        )
        self.state = State()

    def run(self) -> History:
        """Run all epochs, from the beginning or from the checkpoint."""
        self.state = self.checkpoints.restore()
        if self.state.groups:
            self._restore(self.state.groups)
        self.model.stop_training = False
        self.callbacks.on_train_begin()
        while not self._is_over():
            self._epoch()
        self.model.set_weights(self.state.groups["best"])
        centered(self.model)
        self.callbacks.on_train_end()
        return History.of(self.state.history, f"val_{self.settings.monitor}")

    def _is_over(self) -> bool:
        history, metric = self.state.history, self.metric.metric
        stopped = early_stopping.should_stop(history, self.settings, metric)
        return len(history) >= self.settings.epochs or (
            bool(history) and (self.model.stop_training or stopped)
        )

    def _epoch(self) -> None:
        epoch, began = len(self.state.history), time.monotonic()
        self.callbacks.on_epoch_begin(epoch)
        seed_generators(self.model, self.context.seed, epoch)
        record: EpochRecord = {"epoch": epoch + 1, **self._train(epoch)}
        self._measure(time.monotonic() - began)
        record |= self._validate(record)
        self.state.history.append(record)
        self.callbacks.on_epoch_end(epoch, record)
        if self.checkpoints.is_due(self._is_over()):
            self.checkpoints.save(self.state, self._groups())
        total, value = self.settings.epochs, record[f"val_{self.metric.key}"]
        text = f"epoch {epoch + 1}/{total}  validation {value:.1f}"
        self.context.progress(text, done=epoch + 1, total=total)

    def _validate(self, record: EpochRecord) -> EpochRecord:
        """Play with the averaged weights; keep them if the epoch is the best."""
        weights, averaged = self.model.get_weights(), self.learner.averaged()
        self.model.set_weights(averaged)
        columns = self.metric.of_rollouts(self.act, self.data.validation.y)
        self.model.set_weights(weights)
        history = [*self.state.history, {**record, **columns}]
        if early_stopping.is_best(history, self.settings, self.metric.metric):
            self.state.groups["best"] = averaged
        return columns

    def _train(self, epoch: int) -> EpochRecord:
        """Act and learn; the draws of an epoch are a function of seed and epoch."""
        rng = np.random.default_rng(derive_seed(self.context.seed, "epoch", epoch))
        rates = self._rates(epoch)
        losses = []
        for tick in range(self.ticks):
            steps = (epoch * self.ticks + tick) * self.options.actors
            self.memory.add(self.actors.step(self._actions(steps, rng)))
            if steps >= self.options.warmup:
                losses.append(self._learn(rng, rates[tick]))
        loss = float(np.mean(losses)) if losses else 0.0
        if not np.isfinite(loss):
            raise StageFailed(
                f"the loss became {loss} in epoch {epoch + 1}; "
                f"{self.checkpoints.last_good()}. Lower the learning rate"
            )
        return {"learning_rate": float(rates[-1]), "loss": loss}

    def _rates(self, epoch: int) -> np.ndarray:
        settings, metric = self.settings, self.metric.metric
        lowered = early_stopping.plateau_factor(self.state.history, settings, metric)
        factor = rate_factor(settings, self.ticks * settings.epochs)
        numbers = tf.range(self.ticks) + epoch * self.ticks
        return np.asarray(settings.learning_rate * lowered * factor(numbers))

    def _actions(self, steps: int, rng: np.random.Generator) -> np.ndarray:
        """Act greedily, or at random with a probability that falls linearly."""
        stored = self.environment.stored(self.actors.observations)
        outputs = self.act(self.data.spec.to_input(stored))
        return explored(outputs, self.options.exploration_at(steps), rng)

    def _learn(self, rng: np.random.Generator, rate: float) -> float:
        shape = (self.options.actors, self.settings.batch_size)
        states, *rest, following = self.memory.draw(
            rng.integers(len(self.memory), size=shape)
        )
        batches = (self._inputs(states), *rest, self._inputs(following))
        return self.learner.update(batches, rate)

    def _inputs(self, observations: np.ndarray) -> np.ndarray:
        flat = observations.reshape(-1, observations.shape[-1])
        inputs = self.data.spec.to_input(self.environment.stored(flat))
        return inputs.reshape(observations.shape)

    def _groups(self) -> dict[str, Arrays]:
        return {
            "weights": self.model.get_weights(),
            "memory": self.memory.state(),
            "actors": self.actors.state(),
            **self.learner.state(),
        }

    def _restore(self, groups: dict[str, Arrays]) -> None:
        self.model.set_weights(groups["weights"])
        self.memory.restore(groups["memory"])
        self.actors.restore(groups["actors"])
        self.learner.restore(groups)

    def _measure(self, seconds: float) -> None:
        speed = self.context.speed
        if speed is not None:
            rate = self.ticks * self.options.actors / seconds
            speed["steps_per_second"] = max(rate, speed.get("steps_per_second", 0.0))
