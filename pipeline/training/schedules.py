"""Learning rate schedules, as factors of the highest rate.

    constant     1
    step         times `decay` at each milestone
    exponential  from 1 down to `decay` at the end
    cosine       up during warm-up, then down to 0 (Loshchilov, Hutter, SGDR, 2017)
    one_cycle    from 1/25 up, then down to 1/10,000 (Smith, Topin, 2018)
    plateau      times `decay` when validation stops improving; see `early_stopping`

In: settings and the number of steps. Out: a pure TensorFlow function of the step, so
that both Keras libraries and a resumed fit use the same rates.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from types import ModuleType
from typing import Any

import tensorflow as tf

from pipeline.training.params import FitSettings

Factor = Callable[[tf.Tensor], tf.Tensor]
START, END = 1 / 25, 1e-4  # of one_cycle


def rate_factor(settings: FitSettings, total: int) -> Factor:
    """Return the schedule as a function of the step.

    Args:
        settings: `schedule` and its parameters.
        total: steps of the whole fit.

    Returns:
        Steps, of any shape -> factors of the learning rate, float32 of that shape.
    """
    shape = _SHAPES[settings.schedule]

    def factor(step: tf.Tensor) -> tf.Tensor:
        return shape(tf.cast(step, tf.float32), float(total), settings)

    return factor


def keras_schedule(
    settings: FitSettings,
    total: int,
    api: ModuleType,
    peak: Callable[[tf.Tensor], tf.Tensor] | None = None,
) -> Any:
    """Return the same rates as a schedule of Keras.

    Args:
        settings: `learning_rate`, `schedule` and its parameters.
        total: steps of the whole fit.
        api: `keras` or `tf_keras`.
        peak: factor of a step -> its rate; default None: `learning_rate` times it.
    """
    factor = rate_factor(settings, total)
    base: Any = api.optimizers.schedules.LearningRateSchedule

    class Rate(base):
        def __call__(self, step: tf.Tensor) -> tf.Tensor:
            times = factor(step)
            return settings.learning_rate * times if peak is None else peak(times)

        def get_config(self) -> dict[str, Any]:
            return settings.model_dump(mode="json")

    return Rate()


def _constant(step: tf.Tensor, total: float, settings: FitSettings) -> tf.Tensor:
    return tf.ones_like(step)


def _step(step: tf.Tensor, total: float, settings: FitSettings) -> tf.Tensor:
    passed = [tf.cast(step >= m * total, tf.float32) for m in settings.milestones]
    return settings.decay ** tf.add_n(passed)


def _exponential(step: tf.Tensor, total: float, settings: FitSettings) -> tf.Tensor:
    return settings.decay ** (step / total)


def _cosine(step: tf.Tensor, total: float, settings: FitSettings) -> tf.Tensor:
    rise, fall = _progress(step, total, settings)
    return tf.where(rise < 1, rise, _half_cosine(fall))


def _one_cycle(step: tf.Tensor, total: float, settings: FitSettings) -> tf.Tensor:
    rise, fall = _progress(step, total, settings)
    up = START + (1 - START) * (1 - _half_cosine(tf.minimum(rise, 1.0)))
    down = END + (1 - END) * _half_cosine(fall)
    return tf.where(rise < 1, up, down)


def _progress(
    step: tf.Tensor, total: float, settings: FitSettings
) -> tuple[tf.Tensor, tf.Tensor]:
    """Return the progress of the warm-up, which ends at 1, and of the rest."""
    warm = math.ceil(settings.warmup_fraction * total)
    fall = (step - warm) / max(1.0, total - warm)
    rise = (step + 1) / warm if warm else tf.ones_like(step)
    return rise, tf.clip_by_value(fall, 0.0, 1.0)


def _half_cosine(progress: tf.Tensor) -> tf.Tensor:
    """Fall from 1 to 0 as `progress` goes from 0 to 1."""
    return (1 + tf.cos(math.pi * progress)) / 2


_SHAPES = {
    "constant": _constant,
    "step": _step,
    "exponential": _exponential,
    "cosine": _cosine,
    "one_cycle": _one_cycle,
    "plateau": _constant,  # its factor depends on validation
}
