"""The training loop of tune, train and distill.

In: an uncompiled Keras 3 model with logits, and two splits. Out: the model with the
weights of its best epoch, and the history. An epoch is one call into TensorFlow;
validation, decisions and checkpoints happen between epochs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import keras
import numpy as np

from pipeline.core.errors import StageFailed
from pipeline.tasks.registry import task_of
from pipeline.tasks.training import training_metric
from pipeline.training import early_stopping
from pipeline.training.batches import BatchSource
from pipeline.training.checkpoint import Arrays, State
from pipeline.training.checkpointing import CheckpointManager
from pipeline.training.context import FitContext, FitData
from pipeline.training.early_stopping import EpochRecord
from pipeline.training.epoch import FitSetup, Validator, seed_generators
from pipeline.training.history import History
from pipeline.training.losses import example_losses, training_loss
from pipeline.training.metrics import check_monitor, check_outputs
from pipeline.training.objective import SupervisedObjective
from pipeline.training.params import FitSettings, Phase
from pipeline.training.phase import PhaseTrainer, main_output_model
from pipeline.training.q_learning.loop import q_learning
from pipeline.training.throughput import ThroughputMeter


def fit(
    model: keras.Model, data: FitData, settings: FitSettings, context: FitContext
) -> History:
    """Fit with early stopping, and restore the best weights at the end.

        history = fit(model, FitData(spec, train, validation), settings, FitContext(1))

    Args:
        model: a Keras 3 model, changed in place. Its output is logits,
            `(batch, classes)`, or what else the task predicts. The first of several
            outputs is the one that is validated; `context.objective` defines the loss
            on all of them.
        data: the splits and the augmentation.
        settings: epochs, optimizer, schedule, loss, averages, phases.
        context: seed, objective, callbacks, checkpoint folder, reporting.

    Returns:
        The records of all epochs, and the best one.

    Raises:
        StageFailed: if the loss is not finite.
        UserError: if the checkpoint is damaged or of another model or fit, or if the
            loss or the monitor belongs to another task.
        TypeError: if the model is not a Keras 3 model; see `keras_fit`.
    """
    check_monitor(settings.monitor, data.spec)
    if not isinstance(model, keras.Model):
        raise TypeError(f"fit: expected a Keras 3 model, received {type(model)}")
    check_outputs(main_output_model(model), data.spec)
    if task_of(data.spec).interactive and context.objective is None:
        return q_learning(model, data, settings, context)
    return _new_run(model, data, settings, context).run()


def _new_run(
    model: keras.Model, data: FitData, settings: FitSettings, context: FitContext
) -> FitRun:
    loss = context.loss or example_losses(settings, data.spec)
    metric = training_metric(data.spec, data.train.y)
    objective = context.objective or SupervisedObjective(
        context.loss
        or training_loss(settings, data.spec, model, data.train.y, context.seed)
    )
    source = BatchSource(
        data.train, data.spec, settings.batch_size, context.seed, data.policy
    )
    speed = {} if context.speed is None else context.speed
    split, decisive = data.validation, main_output_model(model)
    return FitRun(
        setup=FitSetup(model, objective, metric, source, settings),
        validator=Validator(decisive, split, data.spec, loss, metric),
        context=context,
        callbacks=keras.callbacks.CallbackList(list(context.callbacks), model=model),
        checkpoints=CheckpointManager(
            context.checkpoint_folder, model, settings, context.seed
        ),
        meter=ThroughputMeter(settings, source, speed),
    )


@dataclass
class FitRun:
    """One fit and its progress.

    Args:
        setup: model, objective, metric, batches and settings.
        validator: computes the validation columns of an epoch.
        context: seed, progress function and extra metrics.
        callbacks: called at the ends of epochs and validations.
        checkpoints: saves and restores `state`.
        meter: times the calls.
        new_trainer: `(setup, phase, meter, last_good)` -> the trainer of a phase;
            default: one that runs in TensorFlow.
        state: history, current phase and arrays.
    """

    setup: FitSetup
    validator: Callable[[], dict[str, float]]
    context: FitContext
    callbacks: keras.callbacks.CallbackList
    checkpoints: CheckpointManager
    meter: ThroughputMeter
    new_trainer: Callable[..., PhaseTrainer] = PhaseTrainer
    state: State = field(default_factory=State)

    def __post_init__(self) -> None:
        self.model, self.settings = self.setup.model, self.setup.settings

    def run(self) -> History:
        """Run all phases, from the beginning or from the checkpoint."""
        self.state = self.checkpoints.restore()
        first, resumed = self.state.phase, bool(self.state.groups)
        self.model.stop_training = False
        trainable = {layer: layer.trainable for layer in self.model.layers}
        self.callbacks.on_train_begin()
        for number in range(first, len(self.settings.effective_phases)):
            self._phase(number, resumed and number == first)
        if self.settings.phases:  # phases freeze layers for the fit alone
            for layer, flag in trainable.items():
                layer.trainable = flag
        self.callbacks.on_train_end()
        lower = not self.setup.metric.metric.higher_is_better
        return History.of(self.state.history, f"val_{self.settings.monitor}", lower)

    def _phase(self, number: int, resumed: bool) -> None:
        phase = self.settings.effective_phases[number]
        last_good = self.checkpoints.last_good
        trainer = self.new_trainer(self.setup, phase, self.meter, last_good)
        self.state.phase = number
        if resumed:
            self.model.set_weights(self.state.groups["weights"])
            trainer.restore(self.state.groups)
        while not self._is_over(phase):
            self._epoch(phase, trainer)
        self.model.set_weights(self.state.groups.get("best") or self._weights())
        self._checkpoint(trainer, now=True)

    def _phase_history(self) -> list[EpochRecord]:
        """Return the records of the current phase."""
        number = self.state.phase + 1
        return [record for record in self.state.history if _phase_of(record) == number]

    def _is_over(self, phase: Phase) -> bool:
        history, metric = self._phase_history(), self.setup.metric.metric
        stopped = early_stopping.should_stop(history, self.settings, metric)
        return len(history) >= phase.epochs or self.model.stop_training or stopped

    def _epoch(self, phase: Phase, trainer: PhaseTrainer) -> None:
        history, epoch = self._phase_history(), len(self.state.history)
        self.callbacks.on_epoch_begin(epoch)
        seed_generators(self.model, self.context.seed, epoch)
        record = {"epoch": epoch + 1, **trainer.train(epoch, history)}
        trainer.averages.after_epoch(len(history))
        record |= self._validate(epoch, record, trainer)
        if self.settings.phases:
            record["phase"] = self.state.phase + 1
        self.state.history.append(record)
        self.callbacks.on_epoch_end(epoch, record)
        self._checkpoint(trainer, now=self._is_over(phase))
        self._report(record)

    def _validate(
        self, epoch: int, record: EpochRecord, trainer: PhaseTrainer
    ) -> EpochRecord:
        """Return the validation columns; keep the weights if the epoch is the best."""
        self.callbacks.on_test_begin()
        with trainer.averages.applied(self.setup.source, epoch):
            columns = self.validator()
            self._check_finite(columns["val_loss"], epoch)
            if self.context.extra_metrics:
                columns |= self.context.extra_metrics()
            history = [*self.state.history, {**record, **columns}]
            metric = self.setup.metric.metric
            if early_stopping.is_best(history, self.settings, metric):
                self.state.groups["best"] = self._weights()
        self.callbacks.on_test_end()
        return columns

    def _check_finite(self, loss: float, epoch: int) -> None:
        if not np.isfinite(loss):
            raise StageFailed(
                f"the validation loss became {loss} after epoch {epoch + 1}; "
                f"{self.checkpoints.last_good()}. Lower the learning rate"
            )

    def _report(self, record: EpochRecord) -> None:
        total = sum(phase.epochs for phase in self.settings.effective_phases)
        done, value = int(record["epoch"]), record[f"val_{self.setup.metric.key}"]
        text = f"epoch {done}/{total}  validation {value:.3f}"
        self.context.progress(text, done=done, total=total)

    def _checkpoint(self, trainer: PhaseTrainer, now: bool) -> None:
        if self.checkpoints.is_due(now):
            groups = {"weights": self._weights(), **trainer.state()}
            self.checkpoints.save(self.state, groups)

    def _weights(self) -> Arrays:
        return self.model.get_weights()


def _phase_of(record: EpochRecord) -> float:
    """Return the phase of an epoch, from 1; fits without phases do not record it."""
    return record.get("phase", 1)
