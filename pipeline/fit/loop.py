"""Fit a model: the one training loop of tune, train, distill and compress.

In: an uncompiled Keras model with logits, and the two splits. Out: the model
with the weights of its best epoch, and the history of all of them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

import keras

from pipeline.augment.policy import Policy
from pipeline.data.artifact import Split
from pipeline.data.spec import TaskSpec
from pipeline.engine.errors import StageFailed
from pipeline.engine.stage import silent
from pipeline.fit.batches import plan_steps, training_batches, validation_batches
from pipeline.fit.history import History
from pipeline.fit.losses import make_loss
from pipeline.fit.params import FitSettings

WARM_UP = 0.1  # of all steps, for the cosine schedule


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
) -> History:
    """Fit with early stopping; the best weights are put back at the end.

    Args:
        model: changed in place; its output is logits, `(batch, classes)`.
        policy: augmentation of the training examples.
        loss: defaults to the one that the settings name, from logits. Labels are
            probabilities where the policy mixes examples.
        api: the Keras that the model was made with, `keras` or `tf_keras`.

    Raises:
        StageFailed: when the loss is not a number any more.
    """
    size = min(settings.batch_size, len(train))
    soft = policy is not None and policy.mixes
    steps, fused = plan_steps(len(train), size)
    model.compile(
        optimizer=_optimizer(settings, steps, api),
        loss=loss or make_loss(settings, spec, api, soft),
        metrics=[_accuracy(soft, api)],
        steps_per_execution=fused,
        jit_compile=False,
    )
    stop = _early_stopping(settings, api)
    watch = _watch(settings.epochs, progress or silent, api)
    epochs = range(settings.epochs)
    model.fit(
        training_batches(train, spec, size, epochs, seed, policy),
        validation_data=validation_batches(validation, spec, soft=soft),
        epochs=settings.epochs,
        steps_per_epoch=steps,
        callbacks=[stop, watch, *callbacks],
        verbose=0,
    )
    return History.of(watch.rows, f"val_{settings.monitor}")


def _accuracy(soft: bool, api: ModuleType) -> Any:
    """Said by its class where labels are probabilities: a name is resolved by the
    first labels that Keras sees, which need not be those of training."""
    return api.metrics.CategoricalAccuracy("accuracy") if soft else "accuracy"


def _optimizer(settings: FitSettings, steps: int, api: ModuleType) -> Any:
    rate: Any = settings.learning_rate
    if settings.schedule == "cosine":
        total = steps * settings.epochs
        warm_up = math.ceil(WARM_UP * total)
        rate = api.optimizers.schedules.CosineDecay(
            0.0, max(1, total - warm_up), warmup_target=rate, warmup_steps=warm_up
        )
    clip = {"global_clipnorm": settings.clip_norm}
    if settings.weight_decay:
        return api.optimizers.AdamW(rate, weight_decay=settings.weight_decay, **clip)
    return api.optimizers.Adam(rate, **clip)


def _early_stopping(settings: FitSettings, api: ModuleType) -> Any:
    return api.callbacks.EarlyStopping(
        f"val_{settings.monitor}",
        mode="min" if settings.monitor == "loss" else "max",
        patience=settings.patience,
        restore_best_weights=True,
    )


def _watch(epochs: int, progress: Callable[..., None], api: ModuleType) -> Any:
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
            text = f"epoch {epoch + 1}/{epochs}  validation {row['val_accuracy']:.3f}"
            progress(text, done=epoch + 1, total=epochs)

    return Watch()
