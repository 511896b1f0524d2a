"""EfficientNet-Lite: EfficientNet without squeeze-excitation, with relu6.

Tan, Le, EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks,
2019; the Lite form (Liu, 2020) leaves out what int8 handles badly. `lite0` is
Lite0: 4,652,008 trained parameters at 224x224x3 and 1,000 classes. Unlike there,
`width` below 1 narrows stem and head too, so that a student is slim all over.
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
    Stage(6, 40, 2, 2, size=5),
    Stage(6, 80, 3, 2),
    Stage(6, 112, 3, 1, size=5),
    Stage(6, 192, 4, 2, size=5),
    Stage(6, 320, 1, 1),
)


@builder("efficientnet_lite", presets={"lite0": PAPER_NET})
def efficientnet_lite(hp: HyperParameters, spec: TaskSpec) -> keras.Model:
    """Images of at least 8x8 to logits, `(batch, classes)`."""
    require("efficientnet_lite", spec, "images of at least 8x8", is_image(spec, 8))
    own = choose(hp, activation="relu6")
    return inverted_net("efficientnet_lite", hp, spec, own, STAGES)
