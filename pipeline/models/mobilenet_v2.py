"""MobileNetV2: inverted residuals with linear bottlenecks.

Sandler et al., MobileNetV2: Inverted Residuals and Linear Bottlenecks, 2018,
table 2. `filters` are those of the first layer, 32 in the paper; `imagenet` is the
paper's network: 3,538,984 parameters at 224x224x3 and 1,000 classes. Unlike the
original, `width` below 1 also narrows the last convolution, so that every layer of
a student is narrower.
"""

from __future__ import annotations

import keras
from keras_tuner import HyperParameters

from pipeline.data.spec import TaskSpec
from pipeline.models.building_blocks import building_blocks
from pipeline.models.input_output import is_image, require_input
from pipeline.models.inverted_residual import (
    PAPER_NET,
    StageSpec,
    inverted_residual_net,
)
from pipeline.models.registry import builder

STAGES = (
    StageSpec(1, 16, 1, 1),
    StageSpec(6, 24, 2, 2),
    StageSpec(6, 32, 3, 2),
    StageSpec(6, 64, 4, 2),
    StageSpec(6, 96, 3, 1),
    StageSpec(6, 160, 3, 2),
    StageSpec(6, 320, 1, 1),
)


@builder("mobilenet_v2", presets={"imagenet": PAPER_NET})
def mobilenet_v2(hp: HyperParameters, spec: TaskSpec) -> keras.Model:
    """MobileNetV2: inverted residuals with linear bottlenecks and ReLU6.

    Args:
        hp: declares `filters` of the stem (8 .. 32; they scale all stages) and of
            the `head` (128 .. 1280).
        spec: images of at least 8x8.

    Returns:
        Images `(batch, height, width, channels)` to logits `(batch, classes)`, or
        `(batch, 1)`.
    """
    require_input("mobilenet_v2", spec, "images of at least 8x8", is_image(spec, 8))
    build = building_blocks(hp, activation="relu6", initializer="glorot_uniform")
    return inverted_residual_net("mobilenet_v2", hp, spec, build, STAGES)
