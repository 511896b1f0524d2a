"""EfficientNet-Lite: EfficientNet without squeeze-excitation, with relu6.

Tan, Le, EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks,
2019; the Lite form (Liu, 2020) leaves out what int8 handles badly. `lite0` is
Lite0: 4,652,008 trained parameters at 224x224x3 and 1,000 classes.
"""

from __future__ import annotations

import keras
from keras import layers
from keras_tuner import HyperParameters

from pipeline.data.spec import TaskSpec
from pipeline.models.choices import choose
from pipeline.models.ends import answer, entrance, is_image, require
from pipeline.models.inverted import Stage, eights, inverted_stages
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
PAPER = 32  # filters of the first layer
HEAD = 1280
LARGE = 64  # pixels; smaller images are halved later
LITE0 = {"filters": 32, "head": HEAD, "dropout": 0.2}


@builder("efficientnet_lite", presets={"lite0": LITE0})
def efficientnet_lite(hp: HyperParameters, spec: TaskSpec) -> keras.Model:
    """Images of at least 8x8 to logits, `(batch, classes)`."""
    require("efficientnet_lite", spec, "images of at least 8x8", is_image(spec, 8))
    own = choose(hp, activation="relu6")
    filters = hp.Int("filters", 8, 32, step=8, default=16)
    head = hp.Int("head", 128, HEAD, step=128, default=256)
    width = own.width * filters / PAPER
    small = min(spec.shape[:2]) < LARGE
    x = image = entrance(spec)
    x = own.conv(x, eights(PAPER * width), 3, "stem", 1 if small else 2)
    x = inverted_stages(own, x, STAGES, width, late=small)
    x = own.conv(x, own.wide(head), 1, "head")
    x = own.drop(layers.GlobalAveragePooling2D(name="pool")(x))
    return keras.Model(image, answer(x, spec, own), name="efficientnet_lite")
