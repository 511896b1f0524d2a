"""MobileNet: a stack of depthwise separable convolutions.

Howard et al., MobileNets: Efficient Convolutional Neural Networks for Mobile
Vision Applications, 2017, table 1. `filters` is of the first layer: 32 in the
paper, 8 at its width 0.25. `mlperf_tiny` is the one of MLPerf Tiny's visual wake
words: 221,794 parameters and 7.49 M MACs at 96x96x3.
"""

from __future__ import annotations

import keras
from keras import layers
from keras_tuner import HyperParameters

from pipeline.data.spec import TaskSpec
from pipeline.models.choices import choose
from pipeline.models.ends import answer, entrance, is_image, require
from pipeline.models.registry import builder

# Filters of the pointwise layer, in those of the stem, stride, how many of them.
STAGES = (
    *((2, 1, 1), (4, 2, 1), (4, 1, 1), (8, 2, 1), (8, 1, 1)),
    *((16, 2, 1), (16, 1, 5), (32, 2, 1), (32, 1, 1)),
)
LARGE = 64  # pixels; smaller images are not halved by the stem
MLPERF_TINY = {"filters": 8, "bias": True, "dropout": 0.0}


@builder("mobilenet_v1", presets={"mlperf_tiny": MLPERF_TINY})
def mobilenet_v1(hp: HyperParameters, spec: TaskSpec) -> keras.Model:
    """Images of at least 8x8 to logits, `(batch, classes)`."""
    require("mobilenet_v1", spec, "images of at least 8x8", is_image(spec, 8))
    own = choose(hp, initializer="glorot_uniform")
    filters = hp.Int("filters", 8, 32, step=8, default=8)
    x = image = entrance(spec)
    strides = 2 if min(spec.shape[:2]) >= LARGE else 1
    x = own.conv(x, own.wide(filters), 3, "stem", strides)
    number = 0
    for factor, strides, count in STAGES:
        for _ in range(own.deep(count) if count > 1 else 1):
            number += 1
            x = own.depthwise(x, 3, f"block{number}_depthwise", strides)
            x = own.conv(x, own.wide(factor * filters), 1, f"block{number}_pointwise")
    x = own.drop(layers.GlobalAveragePooling2D(name="pool")(x))
    return keras.Model(image, answer(x, spec, own), name="mobilenet_v1")
