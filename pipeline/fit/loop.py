"""Fit a model: the one training loop of tune, train, distill and compress.

In: an uncompiled Keras model with logits, and the two splits. Out: the model
with the weights of its best epoch, and the history of all of them. An epoch is one
call into TensorFlow; between epochs stand validation, decisions and checkpoints.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from pipeline.augment.policy import Policy
from pipeline.data.artifact import Split
from pipeline.data.spec import TaskSpec
from pipeline.engine.errors import StageFailed
from pipeline.engine.stage import silent
from pipeline.fit import checkpoint, stopping
from pipeline.fit.averages import Averages
from pipeline.fit.batches import Feed, is_whole_file
from pipeline.fit.checkpoint import State
from pipeline.fit.epoch import AHEAD, Trainer, Validator, seed_generators
from pipeline.fit.history import History
from pipeline.fit.library import fit_with_keras
from pipeline.fit.losses import example_losses
from pipeline.fit.objective import Answers, Objective
from pipeline.fit.optimizers import make_optimizer
from pipeline.fit.params import FitSettings, Phase
from pipeline.fit.phases import unfreeze
from pipeline.fit.schedules import rate_factor


def fit(
    model: Any,
    spec: TaskSpec,
    train: Split,
    validation: Split,
    settings: FitSettings,
    *,
    seed: int,
    policy: Policy | None = None,
    loss: Any = None,
    progress: Callable[..., None] | None = None,
    callbacks: Sequence[Any] = (),
    api: ModuleType = keras,
    objective: Objective | None = None,
    folder: Path | None = None,
    speed: dict[str, Any] | None = None,
    also: Callable[[], dict[str, float]] = dict,
) -> History:
    """Fit with early stopping; the best weights are put back at the end.

    Args:
        model: changed in place; its output is logits, `(batch, classes)`; of several
            outputs the first decides, and `objective` says what becomes of all.
        policy: augmentation of the training examples.
        loss: of (answers, logits), defaults to the one that the settings name.
            Answers are probabilities where the policy mixes examples.
        callbacks: of Keras; called at the ends of epochs and validations alone,
            unless `api` is tf_keras.
        api: the Keras that the model was made with, `keras` or `tf_keras`.
        objective: what a step makes small instead, see `pipeline.fit.objective`.
        folder: holds the checkpoint; one that is there is gone on from.
        speed: is told how fast it went: seconds to the first step, examples a second.
        also: further columns of an epoch's row, measured with its weights.

    Raises:
        StageFailed: when the loss is not a number any more.
        UserError: when the checkpoint is damaged, or of another model.
    """
    tell = progress or silent
    if api is not keras:
        given = {"seed": seed, "policy": policy, "loss": loss, "callbacks": callbacks}
        return fit_with_keras(
            model, spec, train, validation, settings, api, progress=tell, **given
        )
    asked = loss or example_losses(settings, spec)
    run = Run(
        model=model,
        objective=objective or Answers(asked),
        feed=Feed(train, spec, settings.batch_size, seed, policy),
        validator=Validator(deciding(model), validation, spec, asked),
        settings=settings,
        seed=seed,
        tell=tell,
        callbacks=keras.callbacks.CallbackList(list(callbacks), model=model),
        folder=folder,
        speed={} if speed is None else speed,
        also=also,
    )
    return run.whole()


def deciding(model: keras.Model) -> keras.Model:
    """The part of a model with several outputs that leads to the first of them."""
    several = len(getattr(model, "outputs", ())) > 1
    return keras.Model(model.inputs, model.outputs[0]) if several else model


@dataclass
class Run:
    """One fit: its parts, and where it is (`state`)."""

    model: keras.Model
    objective: Objective
    feed: Feed
    validator: Validator
    settings: FitSettings
    seed: int
    tell: Callable[..., None]
    callbacks: keras.callbacks.CallbackList
    folder: Path | None
    speed: dict[str, Any]
    also: Callable[[], dict[str, float]] = dict

    def whole(self) -> History:
        """All phases, from the beginning or from the checkpoint."""
        self.started = self.saved = time.monotonic()
        self.state = self._stored() or State()
        self.resumed = bool(self.state.groups)
        self.model.stop_training = False
        trainable = {layer: layer.trainable for layer in self.model.layers}
        self.callbacks.on_train_begin()
        for number in range(self.state.phase, len(self.settings.parts)):
            self._phase(number)
        if self.settings.phases:  # what a phase froze is its own affair
            for layer, was in trainable.items():
                layer.trainable = was
        self.callbacks.on_train_end()
        return History.of(self.state.rows, f"val_{self.settings.monitor}")

    def _phase(self, number: int) -> None:
        phase = self.settings.parts[number]
        self._prepare(phase)
        if number != self.state.phase or not self.resumed:
            self.state.phase = number
        else:
            self._restore()
        while not self._is_over(phase):
            self._epoch(phase)
        self._write(self.state.groups.get("best") or self._weights())
        self._checkpoint(now=True)

    def _prepare(self, phase: Phase) -> None:
        """A trainer for the layers of the phase, with an optimizer of its own."""
        if self.settings.phases:
            print(f"training {', '.join(unfreeze(deciding(self.model), phase))}")
        within = self.settings.model_copy(update={"epochs": phase.epochs})
        self.total = self.feed.steps * phase.epochs
        self.factor = rate_factor(within, self.total)
        self.averages = Averages(self.model, within)
        rate = self.settings.learning_rate * phase.rate
        self.rate, self.optimizer = rate, make_optimizer(self.settings, rate)
        self.trainer = Trainer(
            self.model,
            self.objective,
            self.optimizer,
            self.feed,
            self.averages,
            self.total,
            self.settings.jit,
        )

    def _rows(self) -> list[dict[str, float]]:
        """The history of this phase."""
        number = self.state.phase + 1
        return [row for row in self.state.rows if row.get("phase", 1) == number]

    def _is_over(self, phase: Phase) -> bool:
        rows = self._rows()
        stopped = self.model.stop_training or stopping.should_stop(rows, self.settings)
        return len(rows) >= phase.epochs or stopped

    def _epoch(self, phase: Phase) -> None:
        rows, epoch = self._rows(), len(self.state.rows)
        self.callbacks.on_epoch_begin(epoch)
        seed_generators(self.model, self.seed, epoch)
        row = {"epoch": epoch + 1, **self._train(epoch, len(rows))}
        self.averages.end_of_epoch(len(rows))
        self.callbacks.on_test_begin()
        with self.averages.in_place(self.feed, epoch):
            row |= self._validated(epoch)
            if stopping.is_best([*self.state.rows, row], self.settings):
                self.state.groups["best"] = self._weights()
        self.callbacks.on_test_end()
        if self.settings.phases:
            row["phase"] = self.state.phase + 1
        self.state.rows.append(row)
        self.callbacks.on_epoch_end(epoch, row)
        self._checkpoint(now=self._is_over(phase))
        self._tell(row)

    def _train(self, epoch: int, done: int) -> dict[str, float]:
        """One epoch of steps; `done` epochs of the phase are over."""
        steps = self.feed.steps
        lowered = stopping.plateau_factor(self._rows(), self.settings)
        rates = self.rate * lowered * self.factor(tf.range(steps) + done * steps)
        sums = (tf.constant(0.0), tf.constant(0.0))
        for begin, end in self._calls():
            at = (tf.constant(value, tf.int64) for value in (epoch, begin, end))
            clock = time.monotonic()
            step, *sums, loss = self.trainer(*at, rates, tuple(sums))
            if not np.isfinite(float(loss)):  # waits for the call to end
                raise self._diverged(float(loss), epoch, int(step), rates)
            self._clock(clock, end - begin)
        losses, right = (float(total) / steps for total in sums)
        return {"accuracy": right, "learning_rate": float(rates[-1]), "loss": losses}

    def _validated(self, epoch: int) -> dict[str, float]:
        found = self.validator()
        if not np.isfinite(found["val_loss"]):
            raise StageFailed(
                f"the validation loss became {found['val_loss']} after epoch "
                f"{epoch + 1}; {self._last_good()}. Lower the learning rate"
            )
        return {**found, **self.also()}

    def _calls(self) -> list[tuple[int, int]]:
        """Which steps go into one call; the very first goes alone, to be timed."""
        steps, most = self.feed.steps, self.settings.steps_per_call
        begins = list(range(0, steps, most or steps))
        if "seconds_to_first_step" not in self.speed and steps > 1:
            begins = sorted({*begins, 1})
        return list(zip(begins, [*begins[1:], steps]))

    def _clock(self, begin: float, steps: int) -> None:
        """Keep the time to the first step, and the best rate of a call."""
        now = time.monotonic()
        if "seconds_to_first_step" not in self.speed:
            self.speed["seconds_to_first_step"] = now - self.started
            self.speed |= self._choices()
            return
        rate = steps * self.feed.size / (now - begin)
        best = max(rate, self.speed.get("examples_per_second", 0.0))
        self.speed["examples_per_second"] = best

    def _choices(self) -> dict[str, Any]:
        """How it runs: by rule, unless the settings say otherwise."""
        return {
            "steps_per_call": self.settings.steps_per_call or self.feed.steps,
            "examples_in": "file" if is_whole_file(self.feed.split.x) else "memory",
            "batches_ahead": AHEAD,
            "threads": tf.config.threading.get_intra_op_parallelism_threads(),
            "jit": self.settings.jit,
        }

    def _diverged(
        self, loss: float, epoch: int, step: int, rates: tf.Tensor
    ) -> StageFailed:
        rate = float(rates[min(step, len(rates)) - 1])
        where = f"epoch {epoch + 1}, step {step} of {self.feed.steps}"
        return StageFailed(
            f"the loss became {loss} in {where}, at a learning rate of {rate:.3g}; "
            f"{self._last_good()}. Lower the learning rate, or set clip_norm"
        )

    def _last_good(self) -> str:
        path = self.folder and self.folder / checkpoint.FILE
        if not path or not path.exists():
            return "there is no checkpoint yet"
        return f"the last good checkpoint, of epoch {self.saved_epoch}, is {path}"

    def _tell(self, row: dict[str, float]) -> None:
        total = sum(phase.epochs for phase in self.settings.parts)
        done, reached = int(row["epoch"]), row["val_accuracy"]
        text = f"epoch {done}/{total}  validation {reached:.3f}"
        self.tell(text, done=done, total=total)

    def _checkpoint(self, now: bool) -> None:
        due = time.monotonic() - self.saved >= self.settings.checkpoint_seconds
        if self.folder is None or not (now or due):
            return
        self.state.groups |= {
            "weights": self._weights(),
            "optimizer": [variable.numpy() for variable in self.optimizer.variables],
            "objective": [variable.numpy() for variable in self.objective.variables],
            "averages": self.averages.state(),
        }
        checkpoint.save(self.folder, self.state, self._identity())
        self.saved, self.saved_epoch = time.monotonic(), len(self.state.rows)

    def _stored(self) -> State | None:
        state = self.folder and checkpoint.load(self.folder, self._identity())
        self.saved_epoch = len(state.rows) if state else 0
        return state

    def _restore(self) -> None:
        groups = self.state.groups
        self._write(groups["weights"])
        _assign(self.optimizer.variables, groups["optimizer"])
        _assign(self.objective.variables, groups["objective"])
        self.averages.restore(groups["averages"])

    def _identity(self) -> dict[str, Any]:
        return {
            "model": checkpoint.describe(self.model.weights),
            "fit": {"seed": self.seed, **self.settings.hashed()},
        }

    def _weights(self) -> list[np.ndarray]:
        return self.model.get_weights()

    def _write(self, weights: Sequence[np.ndarray]) -> None:
        self.model.set_weights(weights)


def _assign(variables: Sequence[keras.Variable], values: Sequence[np.ndarray]) -> None:
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
