"""MobileNetV2: inverted residuals with linear bottlenecks.

Sandler et al., MobileNetV2: Inverted Residuals and Linear Bottlenecks, 2018,
table 2. `filters` is of the first layer, 32 in the paper; `imagenet` is the
paper's net: 3,538,984 parameters at 224x224x3 and 1,000 classes.
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
    Stage(6, 32, 3, 2),
    Stage(6, 64, 4, 2),
    Stage(6, 96, 3, 1),
    Stage(6, 160, 3, 2),
    Stage(6, 320, 1, 1),
)
PAPER = 32  # filters of the first layer
HEAD = 1280
LARGE = 64  # pixels; smaller images are halved later
IMAGENET = {"filters": 32, "head": HEAD, "dropout": 0.2}


@builder("mobilenet_v2", presets={"imagenet": IMAGENET})
def mobilenet_v2(hp: HyperParameters, spec: TaskSpec) -> keras.Model:
    """Images of at least 8x8 to logits, `(batch, classes)`."""
    require("mobilenet_v2", spec, "images of at least 8x8", is_image(spec, 8))
    own = choose(hp, activation="relu6", initializer="glorot_uniform")
    filters = hp.Int("filters", 8, 32, step=8, default=16)
    head = hp.Int("head", 128, HEAD, step=128, default=256)
    width = own.width * filters / PAPER
    small = min(spec.shape[:2]) < LARGE
    x = image = entrance(spec)
    x = own.conv(x, eights(PAPER * width), 3, "stem", 1 if small else 2)
    x = inverted_stages(own, x, STAGES, width, late=small)
    x = own.conv(x, own.wide(head), 1, "head")
    x = own.drop(layers.GlobalAveragePooling2D(name="pool")(x))
    return keras.Model(image, answer(x, spec, own), name="mobilenet_v2")
