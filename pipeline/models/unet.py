"""A U-Net: down, up again, and at each level what was seen on the way down.

Ronneberger, Fischer, Brox, U-Net: Convolutional Networks for Biomedical Image
Segmentation, 2015, padded, with nearest-neighbour upsampling.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import layers
from keras_tuner import HyperParameters

from pipeline.data.spec import TaskSpec
from pipeline.models.choices import Choices, choose
from pipeline.models.ends import entrance, is_image, require
from pipeline.models.registry import builder

MOST_LEVELS = 4


@builder("unet")
def unet(hp: HyperParameters, spec: TaskSpec) -> keras.Model:
    """Images to a logit for each class in each pixel, `(height, width, classes)`."""
    most = _levels(spec)
    needs = "images of even height and width, at least 4x4"
    require("unet", spec, needs, is_image(spec) and most > 0, ["class_map"])
    own = choose(hp, dropout=0.0)
    filters = hp.Int("filters", 8, 32, step=8, default=16)
    levels = min(hp.Int("levels", 1, MOST_LEVELS, default=3), most)
    widths = [own.wide(filters * 2**level) for level in range(levels + 1)]
    x = image = entrance(spec)
    seen = []
    for level, width in enumerate(widths[:-1], 1):
        x = _twice(own, x, width, f"down{level}")
        seen.append(x)
        x = layers.MaxPooling2D(name=f"pool{level}")(x)
    x = own.drop(_twice(own, x, widths[-1], "bottom"))
    for level in range(levels, 0, -1):
        x = layers.UpSampling2D(name=f"up{level}_size")(x)
        x = layers.Concatenate(name=f"up{level}_join")([x, seen[level - 1]])
        x = _twice(own, x, widths[level - 1], f"up{level}")
    x = layers.Conv2D(len(spec.classes), 1, name="logits")(x)
    return keras.Model(image, x, name="unet")


def _twice(own: Choices, x: Any, width: int, name: str) -> Any:
    for number in range(1, own.deep(2) + 1):
        x = own.conv(x, width, 3, f"{name}_conv{number}")
    return x


def _levels(spec: TaskSpec) -> int:
    """How often height and width can be halved."""
    if not is_image(spec):
        return 0
    halvings = range(MOST_LEVELS + 1)
    fits = [n for n in halvings if not any(s % 2**n for s in spec.shape[:2])]
    return max(fits)
