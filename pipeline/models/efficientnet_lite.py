"""EfficientNet-Lite: EfficientNet without squeeze-and-excitation, with ReLU6.

Tan, Le, EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks,
2019; the Lite variant (Liu, 2020) omits what int8 handles badly. `lite0` is Lite0:
4,652,008 trainable parameters at 224x224x3 and 1,000 classes. Unlike the original,
`width` below 1 also narrows stem and head, so that every layer of a student is
narrower.
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
    StageSpec(6, 40, 2, 2, size=5),
    StageSpec(6, 80, 3, 2),
    StageSpec(6, 112, 3, 1, size=5),
    StageSpec(6, 192, 4, 2, size=5),
    StageSpec(6, 320, 1, 1),
)


@builder("efficientnet_lite", presets={"lite0": PAPER_NET})
def efficientnet_lite(hp: HyperParameters, spec: TaskSpec) -> keras.Model:
    """EfficientNet-Lite: inverted residuals with 3x3 and 5x5 kernels and ReLU6.

    Args:
        hp: declares `filters` of the stem (8 .. 32; they scale all stages) and of
            the `head` (128 .. 1280).
        spec: images of at least 8x8.

    Returns:
        Images `(batch, height, width, channels)` to logits `(batch, classes)`, or
        `(batch, 1)`.
    """
    needs = "images of at least 8x8"
    require_input("efficientnet_lite", spec, needs, is_image(spec, 8))
    build = building_blocks(hp, activation="relu6")
    return inverted_residual_net("efficientnet_lite", hp, spec, build, STAGES)
