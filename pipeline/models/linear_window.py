"""A linear map from a window of past steps to the next ones, with its trend.

The moving average of the window is an input beside the window itself, so that the
model sees trend and season apart: DLinear (Zeng et al., Are Transformers Effective for
Time Series Forecasting?, 2023) for several columns together. Neighboring averages are
nearly equal, so a few of them are enough.
"""

from __future__ import annotations

import math

import keras
from keras import layers
from keras_tuner import HyperParameters

from pipeline.data.spec import TaskSpec
from pipeline.models.building_blocks import building_blocks
from pipeline.models.input_output import input_layer, output_head, require_input
from pipeline.models.registry import builder
from pipeline.tasks.registry import task_of


@builder("linear_window")
def linear_window(hp: HyperParameters, spec: TaskSpec) -> keras.Model:
    """Linear map of a window and its moving average; no hidden layer.

    Args:
        hp: declares `trend`, the steps of the moving average (3 .. 51). A `width` below
            1 gives the map a low rank: `width` times the number of outputs.
        spec: windows of numbers, `(steps, columns)`.

    Returns:
        Windows `(batch, steps, columns)` to the numbers of the next steps,
        `(batch, horizon * targets * quantiles)`.
    """
    is_window = len(spec.shape) == 2 and not spec.vocabulary
    needs = "windows of numbers over time (steps, columns)"
    require_input("linear_window", spec, needs, is_window, ["forecast"])
    build = building_blocks(hp, normalization="none", dropout=0.0)
    trend = min(hp.Int("trend", 3, 51, step=2, default=25), spec.shape[0])
    window = input_layer(spec)
    average = layers.AveragePooling1D(
        trend, strides=max(1, trend // 2), padding="same", name="trend"
    )(window)
    parts = [
        layers.Flatten(name="steps")(window),
        layers.Flatten(name="trend_steps")(average),
    ]
    x = layers.Concatenate(name="join")(parts)
    outputs = math.prod(task_of(spec).output_shape(spec))
    if build.width < 1:
        rank = build.scale_width(outputs)
        x = layers.Dense(rank, use_bias=False, name="rank", **build.kernel_options())(x)
    x = build.dropout(x)
    return keras.Model(window, output_head(x, spec, build), name="linear_window")
