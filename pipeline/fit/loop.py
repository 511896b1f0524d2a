"""Fit a model: the training loop of tune, train and distill.

In: an uncompiled Keras model with logits, and the two splits. Out: the model
with the weights of its best epoch, and the history of all of them. An epoch is one
call into TensorFlow; between epochs stand validation, decisions and checkpoints.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import keras
import numpy as np

from pipeline.augment.policy import Policy
from pipeline.data.artifact import Split
from pipeline.data.spec import TaskSpec
from pipeline.core.errors import StageFailed
from pipeline.engine.stage import silent
from pipeline.fit import stopping
from pipeline.fit.batches import Feed
from pipeline.fit.checkpoint import Arrays, State
from pipeline.fit.epoch import Validator, seed_generators
from pipeline.fit.goals import check_monitor, check_outputs, goal_of
from pipeline.fit.history import History
from pipeline.fit.keeper import Keeper
from pipeline.fit.library import fit_with_keras
from pipeline.fit.losses import example_losses
from pipeline.fit.objective import Answers, Objective
from pipeline.fit.pace import Pace
from pipeline.fit.params import FitSettings, Phase
from pipeline.fit.part import Part, Work, deciding
from pipeline.fit.stopping import Row


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
        model: changed in place; its output is logits, `(batch, classes)`, of a
            regression a number, of a reconstruction its input rebuilt; of several
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
        UserError: when the checkpoint is damaged, or of another model; for a loss
            or a monitor of another task.
    """
    tell = progress or silent
    if api is not keras:
        given = {"seed": seed, "policy": policy, "loss": loss, "callbacks": callbacks}
        return fit_with_keras(
            model, spec, train, validation, settings, api, progress=tell, **given
        )
    check_monitor(settings.monitor, spec)
    check_outputs(deciding(model), spec)
    asked = loss or example_losses(settings, spec)
    goal = goal_of(spec, train)
    feed = Feed(train, spec, settings.batch_size, seed, policy)
    run = Run(
        work=Work(model, objective or Answers(asked), goal, feed, settings),
        validator=Validator(deciding(model), validation, spec, asked, goal),
        seed=seed,
        tell=tell,
        callbacks=keras.callbacks.CallbackList(list(callbacks), model=model),
        keeper=Keeper(folder, model, settings, seed),
        pace=Pace(settings, feed, {} if speed is None else speed),
        also=also,
    )
    return run.whole()


@dataclass
class Run:
    """One fit: its parts, and where it is (`state`)."""

    work: Work
    validator: Validator
    seed: int
    tell: Callable[..., None]
    callbacks: keras.callbacks.CallbackList
    keeper: Keeper
    pace: Pace
    also: Callable[[], dict[str, float]] = dict
    state: State = field(default_factory=State)
    part: Part | None = None

    def __post_init__(self) -> None:
        self.model, self.settings = self.work.model, self.work.settings

    def whole(self) -> History:
        """All phases, from the beginning or from the checkpoint."""
        self.state = self.keeper.begin()
        first, resumed = self.state.phase, bool(self.state.groups)
        self.model.stop_training = False
        trainable = {layer: layer.trainable for layer in self.model.layers}
        self.callbacks.on_train_begin()
        for number in range(first, len(self.settings.parts)):
            self._phase(number, resumed and number == first)
        if self.settings.phases:  # what a phase froze is its own affair
            for layer, was in trainable.items():
                layer.trainable = was
        self.callbacks.on_train_end()
        return History.of(self.state.rows, f"val_{self.settings.monitor}")

    def _phase(self, number: int, resumed: bool) -> None:
        phase = self.settings.parts[number]
        self.part = Part(self.work, phase, self.pace, self.keeper.last_good)
        self.state.phase = number
        if resumed:
            self.model.set_weights(self.state.groups["weights"])
            self.part.restore(self.state.groups)
        while not self._is_over(phase):
            self._epoch(phase)
        self.model.set_weights(self.state.groups.get("best") or self._weights())
        self._checkpoint(now=True)

    def _rows(self) -> list[Row]:
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
        row = {"epoch": epoch + 1, **self.part.train(epoch, rows)}
        self.part.averages.end_of_epoch(len(rows))
        row |= self._validated(epoch, row)
        if self.settings.phases:
            row["phase"] = self.state.phase + 1
        self.state.rows.append(row)
        self.callbacks.on_epoch_end(epoch, row)
        self._checkpoint(now=self._is_over(phase))
        self._tell(row)

    def _validated(self, epoch: int, row: Row) -> Row:
        """The columns of validation; the weights of the best epoch are kept."""
        self.callbacks.on_test_begin()
        with self.part.averages.in_place(self.work.feed, epoch):
            found = self.validator()
            if not np.isfinite(found["val_loss"]):
                raise StageFailed(
                    f"the validation loss became {found['val_loss']} after epoch "
                    f"{epoch + 1}; {self.keeper.last_good()}. Lower the learning rate"
                )
            found |= self.also()
            rows = [*self.state.rows, {**row, **found}]
            if stopping.is_best(rows, self.settings):
                self.state.groups["best"] = self._weights()
        self.callbacks.on_test_end()
        return found

    def _tell(self, row: Row) -> None:
        total = sum(phase.epochs for phase in self.settings.parts)
        done, reached = int(row["epoch"]), row[f"val_{self.work.goal.key}"]
        text = f"epoch {done}/{total}  validation {reached:.3f}"
        self.tell(text, done=done, total=total)

    def _checkpoint(self, now: bool) -> None:
        if self.keeper.wants(now):
            groups = {"weights": self._weights(), **self.part.state()}
            self.keeper.save(self.state, groups)

    def _weights(self) -> Arrays:
        return self.model.get_weights()
