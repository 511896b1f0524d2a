"""Keras's own fit, for models of tf_keras: fine-tuning in `compress`.

tfmot's callbacks want to see every call, and its wrappers tf_keras; what is decided
(batches, rates, losses) is the same as in `pipeline.fit.loop`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

import numpy as np
import tensorflow as tf

from pipeline.augment.policy import Policy
from pipeline.data.artifact import Split
from pipeline.data.spec import TaskSpec
from pipeline.core.errors import StageFailed, UserError
from pipeline.fit.batches import (
    fetcher,
    plan_steps,
    target_of,
    to_input,
    training_batches,
    validation_batches,
)
from pipeline.fit.epoch import VALIDATED
from pipeline.fit.goals import Goal, check_monitor, goal_of, measured
from pipeline.fit.history import History
from pipeline.fit.losses import make_loss
from pipeline.fit.optimizers import make_optimizer
from pipeline.fit.params import FitSettings
from pipeline.fit.schedules import keras_schedule


def fit_with_keras(
    model: Any,
    spec: TaskSpec,
    train: Split,
    validation: Split,
    settings: FitSettings,
    api: ModuleType,
    *,
    seed: int,
    policy: Policy | None,
    loss: Any,
    progress: Callable[..., None],
    callbacks: Sequence[Any],
) -> History:
    """Fit by `model.fit`; arguments as those of `pipeline.fit.loop.fit`.

    Raises:
        UserError: for a setting that only the other loop has.
    """
    _refuse_others(settings)
    check_monitor(settings.monitor, spec)
    goal, size = goal_of(spec, train), min(settings.batch_size, len(train))
    soft = policy is not None and policy.mixes
    steps, fused = plan_steps(len(train), size)
    rate = keras_schedule(settings, steps * settings.epochs, api)
    model.compile(
        optimizer=make_optimizer(settings, rate, api),
        loss=loss or make_loss(settings, spec, api, soft),
        metrics=[_accuracy(soft, api)] if goal.key == "accuracy" else [],
        steps_per_execution=fused,
        jit_compile=False,
    )
    watch = _watch(settings.epochs, progress, goal.key, api)
    first = [] if goal.key == "accuracy" else [_judge(validation, spec, goal, api)]
    model.fit(
        training_batches(train, spec, size, range(settings.epochs), seed, policy),
        validation_data=validation_batches(validation, spec, soft=soft),
        epochs=settings.epochs,
        steps_per_epoch=steps,
        callbacks=[*first, _early_stopping(settings, api), watch, *callbacks],
        verbose=0,
    )
    return History.of(watch.rows, f"val_{settings.monitor}")


def _refuse_others(settings: FitSettings) -> None:
    if given := settings.own_loop:
        raise UserError(
            f"{', '.join(given)}: fine-tuning in compress has none of it; leave it out "
            "there"
        )


def _accuracy(soft: bool, api: ModuleType) -> Any:
    """Said by its class where labels are probabilities: a name is resolved by the
    first labels that Keras sees, which need not be those of training."""
    return api.metrics.CategoricalAccuracy("accuracy") if soft else "accuracy"


def _early_stopping(settings: FitSettings, api: ModuleType) -> Any:
    return api.callbacks.EarlyStopping(
        f"val_{settings.monitor}",
        min_delta=settings.min_delta,
        mode="min" if settings.monitor == "loss" else "max",
        patience=settings.patience,
        restore_best_weights=True,
    )


def _judge(validation: Split, spec: TaskSpec, goal: Goal, api: ModuleType) -> Any:
    """A callback that adds a measure that no batch has by itself to what is known."""
    fetch = fetcher(validation.x)

    class Judge(api.callbacks.Callback):
        def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
            self.part = tf.function(self._part)

        def _part(self, at: tf.Tensor) -> tf.Tensor:
            x = to_input(fetch(at), spec)
            y = target_of(tf.gather(validation.y, at), x, spec)
            return goal.evidence(y, tf.cast(self.model(x, training=False), tf.float32))

        def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
            at = np.arange(len(validation), dtype=np.int64)
            parts = [self.part(at[i : i + VALIDATED]) for i in at[::VALIDATED]]
            logs[f"val_{goal.key}"] = measured(goal, parts, validation)

    return Judge()


def _watch(
    epochs: int, progress: Callable[..., None], key: str, api: ModuleType
) -> Any:
    """A callback that keeps the history, tells progress and stops at NaN."""

    class Watch(api.callbacks.Callback):
        rows: list[dict[str, float]] = []

        def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
            row = {"epoch": epoch + 1, **{k: float(v) for k, v in sorted(logs.items())}}
            self.rows = [*self.rows, row]
            if not math.isfinite(row["loss"]):
                raise StageFailed(
                    f"the loss became {row['loss']} in epoch {epoch + 1}; "
                    "lower the learning rate"
                )
            text = f"epoch {epoch + 1}/{epochs}  validation {row[f'val_{key}']:.3f}"
            progress(text, done=epoch + 1, total=epochs)

    return Watch()
