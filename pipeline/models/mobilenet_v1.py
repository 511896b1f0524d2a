"""MobileNet: a stack of depthwise separable convolutions.

Howard et al., MobileNets: Efficient Convolutional Neural Networks for Mobile
Vision Applications, 2017, table 1. `filters` are those of the first layer: 32 in
the paper, 8 at its width 0.25. `mlperf_tiny` is MLPerf Tiny's model for visual wake
words: 221,794 parameters and 7.49 M MACs at 96x96x3.
"""

from __future__ import annotations

import keras
from keras import layers
from keras_tuner import HyperParameters

from pipeline.data.spec import TaskSpec
from pipeline.models.building_blocks import building_blocks
from pipeline.models.input_output import (
    input_layer,
    is_image,
    output_head,
    require_input,
)
from pipeline.models.registry import builder

# Filters of the pointwise convolution in units of the stem's, strides, repetitions.
STAGES = (
    *((2, 1, 1), (4, 2, 1), (4, 1, 1), (8, 2, 1), (8, 1, 1)),
    *((16, 2, 1), (16, 1, 5), (32, 2, 1), (32, 1, 1)),
)
LARGE = 64  # pixels; smaller images are not halved by the stem
MLPERF_TINY = {"filters": 8, "bias": True, "dropout": 0.0}


@builder("mobilenet_v1", presets={"mlperf_tiny": MLPERF_TINY})
def mobilenet_v1(hp: HyperParameters, spec: TaskSpec) -> keras.Model:
    """MobileNetV1: a stack of depthwise separable convolutions.

    Args:
        hp: declares `filters` of the stem (8 .. 32; they scale all blocks).
        spec: images of at least 8x8.

    Returns:
        Images `(batch, height, width, channels)` to logits `(batch, classes)`, or
        `(batch, 1)`.
    """
    require_input("mobilenet_v1", spec, "images of at least 8x8", is_image(spec, 8))
    build = building_blocks(hp, initializer="glorot_uniform")
    filters = hp.Int("filters", 8, 32, step=8, default=8)
    x = image = input_layer(spec)
    strides = 2 if min(spec.shape[:2]) >= LARGE else 1
    x = build.conv(x, build.scale_width(filters), 3, "stem", strides)
    number = 0
    for factor, strides, count in STAGES:
        width = build.scale_width(factor * filters)
        for _ in range(build.scale_depth(count) if count > 1 else 1):
            number += 1
            x = build.depthwise(x, 3, f"block{number}_depthwise", strides)
            x = build.conv(x, width, 1, f"block{number}_pointwise")
    x = build.dropout(layers.GlobalAveragePooling2D(name="pool")(x))
    return keras.Model(image, output_head(x, spec, build), name="mobilenet_v1")
