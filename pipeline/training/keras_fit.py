"""Keras's own `fit` for models of tf_keras: fine-tuning in `compress`.

In: a model of tf_keras, whose wrappers and callbacks (tfmot's) need every training
step. Out: the model with its best weights, and the history. Batches, learning rates and
losses are those of `pipeline.training.loop`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from types import ModuleType
from typing import Any

import tensorflow as tf

from pipeline.core.errors import StageFailed, UserError
from pipeline.metrics.metric import Metric
from pipeline.tasks.training import (
    TrainingMetric,
    target_of,
    training_metric,
    training_of,
)
from pipeline.training.acting import acting
from pipeline.training.batches import (
    fetcher,
    plan_steps,
    to_input,
    training_batches,
    validation_batches,
)
from pipeline.training.context import FitContext, FitData
from pipeline.training.epoch import position_batches, targets_in_order
from pipeline.training.history import History
from pipeline.training.losses import Loss, make_loss
from pipeline.training.metrics import check_monitor
from pipeline.training.optimizers import make_optimizer
from pipeline.training.params import FitSettings, fine_tuning_conflict
from pipeline.training.rate_search import EXAMPLES, PeakRate, find_rate
from pipeline.training.schedules import keras_schedule


def keras_fit(
    model: Any,
    data: FitData,
    settings: FitSettings,
    context: FitContext,
    api: ModuleType,
) -> History:
    """Fit by `model.fit` with early stopping, and restore the best weights at the end.

    Args:
        model: a model of `api` with logits, changed in place.
        data: the splits and the augmentation.
        settings: epochs, optimizer, schedule, loss.
        context: seed, loss, progress function and callbacks.
        api: the Keras that the model was made with, `tf_keras`.

    Returns:
        The records of all epochs, and the best one.

    Raises:
        StageFailed: if the loss is not finite.
        UserError: for a setting that only `pipeline.training.loop.fit` supports, or if
            the loss or the monitor belongs to another task.
        ValueError: for a field of `context` that only `fit` supports.
    """
    _check_supported(settings, context)
    check_monitor(settings.monitor, data.spec)
    metric = training_metric(data.spec, data.train.y)
    keras_metric = training_of(data.spec).keras_metric
    peak = PeakRate(settings.learning_rate)
    steps = _compile(model, data, settings, context.loss, peak, api)
    if context.found_rate:
        context.found_rate(_find_rate(model, peak, data, settings, context, steps))
        api.utils.set_random_seed(context.seed)
    recorder = _recorder(settings.epochs, context.progress, metric.key, api)
    evaluator = [] if keras_metric else [_evaluator(data, metric, api)]
    stopping = _early_stopping(settings, metric.metric, api)
    model.fit(
        _training(data, settings, context.seed),
        validation_data=_validation(data),
        epochs=settings.epochs,
        steps_per_epoch=steps,
        callbacks=[*evaluator, stopping, recorder, *context.callbacks],
        verbose=0,
    )
    lower = not metric.metric.higher_is_better
    return History.of(recorder.records, f"val_{settings.monitor}", lower)


def _check_supported(settings: FitSettings, context: FitContext) -> None:
    if conflict := fine_tuning_conflict(settings, "compress."):
        raise UserError(conflict)
    for name in ("objective", "checkpoint_folder", "speed", "extra_metrics"):
        if getattr(context, name) is not None:
            raise ValueError(f"keras_fit does not support FitContext.{name}")


def _compile(
    model: Any,
    data: FitData,
    settings: FitSettings,
    loss: Loss | None,
    peak: PeakRate,
    api: ModuleType,
) -> int:
    """Compile the model, and return the number of steps per epoch."""
    size = min(settings.batch_size, len(data.train))
    steps, per_call = plan_steps(len(data.train), size)
    rate = keras_schedule(settings, steps * settings.epochs, api, peak)
    soft, keras_metric = _is_soft(data), training_of(data.spec).keras_metric
    model.compile(
        optimizer=make_optimizer(settings, rate, api),
        loss=loss or make_loss(settings, data.spec, api, soft),
        metrics=[keras_metric(api, soft)] if keras_metric else [],
        steps_per_execution=per_call,
        jit_compile=False,
    )
    return steps


def _find_rate(
    model: Any,
    peak: PeakRate,
    data: FitData,
    settings: FitSettings,
    context: FitContext,
    steps: int,
) -> float:
    """Search the highest rate, and leave model and optimizer as they were."""
    sample = data.train.sample(EXAMPLES, context.seed)
    examples = validation_batches(sample, data.spec, soft=_is_soft(data))

    def run(count: int) -> None:
        batches = _training(data, settings, context.seed)
        model.fit(
            batches,
            epochs=1,
            steps_per_epoch=min(count, steps),
            callbacks=list(context.callbacks),
            verbose=0,
        )

    def loss() -> float:
        return float(model.evaluate(examples, verbose=0, return_dict=True)["loss"])

    return find_rate(model, peak, run, loss)


def _training(data: FitData, settings: FitSettings, seed: int) -> tf.data.Dataset:
    epochs, size = range(settings.epochs), settings.batch_size
    return training_batches(data.train, data.spec, size, epochs, seed, data.policy)


def _validation(data: FitData) -> tf.data.Dataset:
    return validation_batches(data.validation, data.spec, soft=_is_soft(data))


def _is_soft(data: FitData) -> bool:
    """Return True if the policy mixes examples: targets are probabilities then."""
    return data.policy is not None and data.policy.mixes


def _early_stopping(settings: FitSettings, metric: Metric, api: ModuleType) -> Any:
    lower = settings.monitor == "loss" or not metric.higher_is_better
    return api.callbacks.EarlyStopping(
        f"val_{settings.monitor}",
        min_delta=settings.min_delta,
        mode="min" if lower else "max",
        patience=settings.patience,
        restore_best_weights=True,
    )


def _evaluator(data: FitData, metric: TrainingMetric, api: ModuleType) -> Any:
    """A callback that adds a metric which is not a mean over batches to the logs."""
    split, spec = data.validation, data.spec
    fetch, batches = fetcher(split.x), position_batches(len(split), spec)
    split_y = targets_in_order(split.y, batches, spec)
    base: Any = api.callbacks.Callback

    class Evaluator(base):
        def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
            self.batch = tf.function(self._batch)
            self.acting = acting(self.model)

        def _batch(self, positions: tf.Tensor) -> tf.Tensor:
            x = to_input(fetch(positions), spec)
            y = target_of(tf.gather(split.y, positions), x, spec)
            logits = tf.cast(self.model(x, training=False), tf.float32)
            return metric.evidence(y, logits)

        def on_epoch_end(self, epoch: int, logs: dict[str, Any]) -> None:
            if metric.rollout:
                logs |= metric.of_rollouts(self.acting, split.y)
                return
            evidence = [self.batch(batch) for batch in batches]
            logs[f"val_{metric.key}"] = metric.of_split(evidence, split_y)

    return Evaluator()


def _recorder(
    epochs: int, progress: Callable[..., None], key: str, api: ModuleType
) -> Any:
    """A callback that records the history, reports progress and stops at NaN."""
    base: Any = api.callbacks.Callback

    class Recorder(base):
        def __init__(self) -> None:
            super().__init__()
            self.records: list[dict[str, float]] = []

        def on_epoch_end(self, epoch: int, logs: dict[str, Any]) -> None:
            values = {name: float(value) for name, value in sorted(logs.items())}
            self.records.append({"epoch": epoch + 1, **values})
            if not math.isfinite(values["loss"]):
                raise StageFailed(
                    f"the loss became {values['loss']} in epoch {epoch + 1}; "
                    "lower the learning rate"
                )
            text = f"epoch {epoch + 1}/{epochs}  validation {values[f'val_{key}']:.3f}"
            progress(text, done=epoch + 1, total=epochs)

    return Recorder()
