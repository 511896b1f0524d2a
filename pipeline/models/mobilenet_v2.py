"""MobileNetV2: inverted residuals with linear bottlenecks.

Sandler et al., MobileNetV2: Inverted Residuals and Linear Bottlenecks, 2018,
table 2. `filters` is of the first layer, 32 in the paper; `imagenet` is the
paper's net: 3,538,984 parameters at 224x224x3 and 1,000 classes. Unlike there,
`width` below 1 narrows the last convolution too, so that a student is slim all over.
"""

from __future__ import annotations

import keras
from keras_tuner import HyperParameters

from pipeline.data.spec import TaskSpec
from pipeline.models.choices import choose
from pipeline.models.ends import is_image, require
from pipeline.models.inverted import PAPER_NET, Stage, inverted_net
from pipeline.models.registry import builder

STAGES = (
    Stage(1, 16, 1, 1),
    Stage(6, 24, 2, 2),
    Stage(6, 32, 3, 2),
    Stage(6, 64, 4, 2),
    Stage(6, 96, 3, 1),
    Stage(6, 160, 3, 2),
    Stage(6, 320, 1, 1),
)


@builder("mobilenet_v2", presets={"imagenet": PAPER_NET})
def mobilenet_v2(hp: HyperParameters, spec: TaskSpec) -> keras.Model:
    """Images of at least 8x8 to logits, `(batch, classes)`."""
    require("mobilenet_v2", spec, "images of at least 8x8", is_image(spec, 8))
    own = choose(hp, activation="relu6", initializer="glorot_uniform")
    return inverted_net("mobilenet_v2", hp, spec, own, STAGES)
