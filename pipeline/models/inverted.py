"""The inverted residual block of MobileNetV2, stages of it, and the net around them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import keras
from keras import layers
from keras_tuner import HyperParameters

from pipeline.data.spec import TaskSpec
from pipeline.models.choices import Choices
from pipeline.models.ends import answer, entrance

PAPER = 32  # filters of the first layer
HEAD = 1280
LARGE = 64  # pixels; smaller images are halved later
PAPER_NET = {"filters": PAPER, "head": HEAD, "dropout": 0.2}


@dataclass(frozen=True)
class Stage:
    """A row of the papers' tables.

    Args:
        expansion: how much wider a block is inside.
        filters: of its output, before any multiplier.
        blocks: how many; the first one has the stride.
        size: of the depthwise kernel.
    """

    expansion: int
    filters: int
    blocks: int
    strides: int
    size: int = 3


def inverted_net(
    name: str,
    hp: HyperParameters,
    spec: TaskSpec,
    own: Choices,
    stages: Iterable[Stage],
) -> keras.Model:
    """Stem, stages, head and pool, as MobileNetV2 and EfficientNet-Lite have them.

    Args:
        name: of the model.
        hp: `filters` of the first layer and of the `head` are declared in it.

    Returns:
        Images `(batch, height, width, channels)` to logits, `(batch, classes)`.
    """
    filters = hp.Int("filters", 8, 32, step=8, default=16)
    head = hp.Int("head", 128, HEAD, step=128, default=256)
    width = own.width * filters / PAPER
    small = min(spec.shape[:2]) < LARGE
    x = image = entrance(spec)
    x = own.conv(x, eights(PAPER * width), 3, "stem", 1 if small else 2)
    x = inverted_stages(own, x, stages, width, late=small)
    x = own.conv(x, own.wide(head), 1, "head")
    x = own.drop(layers.GlobalAveragePooling2D(name="pool")(x))
    return keras.Model(image, answer(x, spec, own), name=name)


def inverted_stages(
    own: Choices, x: Any, stages: Iterable[Stage], width: float, late: bool = False
) -> Any:
    """Run all stages.

    Args:
        width: multiplies the table's filters, which are rounded to eights.
        late: keep the size through the first three stages, for small images.
    """
    for number, stage in enumerate(stages, 1):
        keep = late and number <= 3
        for block in range(own.deep(stage.blocks)):
            strides = stage.strides if block == 0 and not keep else 1
            filters = eights(stage.filters * width)
            x = _block(own, x, stage, filters, strides, f"stage{number}_{block + 1}")
    return x


def eights(filters: float) -> int:
    """The nearest multiple of eight, and no less than nine tenths (the papers')."""
    rounded = max(8, int(filters + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * filters else rounded


def _block(
    own: Choices, x: Any, stage: Stage, filters: int, strides: int, name: str
) -> Any:
    """Widen, filter each channel, narrow without an activation; add if it fits."""
    y = x
    if stage.expansion > 1:
        y = own.conv(y, stage.expansion * x.shape[-1], 1, f"{name}_expand")
    y = own.depthwise(y, stage.size, f"{name}_depthwise", strides)
    y = own.conv(y, filters, 1, f"{name}_project", activate=False)
    if strides == 1 and x.shape[-1] == filters:
        y = layers.Add(name=f"{name}_add")([x, y])
    return y
