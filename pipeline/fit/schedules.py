"""The learning rate at each step: six schedules, as factors of the highest rate.

    constant     1
    step         times `decay` at each milestone
    exponential  from 1 down to `decay` at the end
    cosine       up in the warm-up, then down to 0 (Loshchilov, Hutter, SGDR, 2017)
    one_cycle    from 1/25 up, then down to 1/10,000 (Smith, Topin, 2018)
    plateau      times `decay` when validation stops improving; see `stopping`

In: settings and the number of steps. Out: a function of the step, a pure one of
TensorFlow, so that both Keras libraries and a resumed fit see the same rates.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from types import ModuleType
from typing import Any

import tensorflow as tf

from pipeline.fit.params import FitSettings

Factor = Callable[[tf.Tensor], tf.Tensor]
START, END = 1 / 25, 1e-4  # of one_cycle


def rate_factor(settings: FitSettings, total: int) -> Factor:
    """Steps, any shape -> factors of the learning rate, float32 of that shape.

    Args:
        total: steps of the whole fit.
    """
    shape = _SHAPES[settings.schedule]

    def factor(step: tf.Tensor) -> tf.Tensor:
        return shape(tf.cast(step, tf.float32), float(total), settings)

    return factor


def keras_schedule(settings: FitSettings, total: int, api: ModuleType) -> Any:
    """The same rates for an optimizer that Keras itself runs."""
    factor = rate_factor(settings, total)

    class Rate(api.optimizers.schedules.LearningRateSchedule):
        def __call__(self, step: tf.Tensor) -> tf.Tensor:
            return settings.learning_rate * factor(step)

        def get_config(self) -> dict[str, Any]:
            return settings.model_dump(mode="json")

    return Rate()


def _constant(step: tf.Tensor, total: float, settings: FitSettings) -> tf.Tensor:
    return tf.ones_like(step)


def _step(step: tf.Tensor, total: float, settings: FitSettings) -> tf.Tensor:
    passed = [tf.cast(step >= part * total, tf.float32) for part in settings.milestones]
    return settings.decay ** tf.add_n(passed)


def _exponential(step: tf.Tensor, total: float, settings: FitSettings) -> tf.Tensor:
    return settings.decay ** (step / total)


def _cosine(step: tf.Tensor, total: float, settings: FitSettings) -> tf.Tensor:
    rise, fall = _warmed(step, total, settings)
    return tf.where(rise < 1, rise, _wave(fall))


def _one_cycle(step: tf.Tensor, total: float, settings: FitSettings) -> tf.Tensor:
    rise, fall = _warmed(step, total, settings)
    up = START + (1 - START) * (1 - _wave(tf.minimum(rise, 1.0)))
    down = END + (1 - END) * _wave(fall)
    return tf.where(rise < 1, up, down)


def _warmed(
    step: tf.Tensor, total: float, settings: FitSettings
) -> tuple[tf.Tensor, tf.Tensor]:
    """How far the warm-up is, which ends at 1, and how far the rest is."""
    warm = math.ceil(settings.warm_up * total)
    fall = (step - warm) / max(1.0, total - warm)
    rise = (step + 1) / warm if warm else tf.ones_like(step)
    return rise, tf.clip_by_value(fall, 0.0, 1.0)


def _wave(part: tf.Tensor) -> tf.Tensor:
    """From 1 down to 0 as `part` goes from 0 to 1."""
    return (1 + tf.cos(math.pi * part)) / 2


_SHAPES = {
    "constant": _constant,
    "step": _step,
    "exponential": _exponential,
    "cosine": _cosine,
    "one_cycle": _one_cycle,
    "plateau": _constant,  # its factor depends on what was measured
}
