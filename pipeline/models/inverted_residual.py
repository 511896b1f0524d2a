"""Inverted residual blocks and the network of MobileNetV2 and EfficientNet-Lite.

Sandler et al., MobileNetV2: Inverted Residuals and Linear Bottlenecks, 2018.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import keras
from keras import layers
from keras_tuner import HyperParameters

from pipeline.data.spec import TaskSpec
from pipeline.models.building_blocks import BuildingBlocks
from pipeline.models.input_output import input_layer, output_head

PAPER_FILTERS = 32  # of the first layer
PAPER_HEAD = 1280
LARGE = 64  # pixels; smaller images are halved later
FULL_SIZE_STAGES = 3  # that keep the size of a small image
PAPER_NET = {"filters": PAPER_FILTERS, "head": PAPER_HEAD, "dropout": 0.2}


@dataclass(frozen=True)
class StageSpec:
    """A row of the papers' tables.

    Args:
        expansion: width inside a block, as a multiple of the block's input.
        filters: of the stage's output, before any multiplier.
        blocks: number of blocks, before the multiplier `depth`.
        strides: of the first block; the others have 1.
        size: of the depthwise kernel, in pixels.
    """

    expansion: int
    filters: int
    blocks: int
    strides: int
    size: int = 3


def inverted_residual_net(
    name: str,
    hp: HyperParameters,
    spec: TaskSpec,
    build: BuildingBlocks,
    stages: Iterable[StageSpec],
) -> keras.Model:
    """Build stem, stages, head, pooling and output layer.

    Args:
        name: of the model.
        hp: receives `filters` of the first layer and of the `head`.
        spec: images of at least 8x8. With a side under 64 pixels, stem and first
            three stages keep the size.
        build: the shared hyperparameters.
        stages: rows of the paper's table.

    Returns:
        Images `(batch, height, width, channels)` to logits `(batch, classes)`, or
        `(batch, 1)`.
    """
    filters = hp.Int("filters", 8, 32, step=8, default=16)
    head = hp.Int("head", 128, PAPER_HEAD, step=128, default=256)
    width = build.width * filters / PAPER_FILTERS
    small = min(spec.shape[:2]) < LARGE
    x = image = input_layer(spec)
    stem = round_to_eight(PAPER_FILTERS * width)
    x = build.conv(x, stem, 3, "stem", 1 if small else 2)
    x = inverted_residual_stages(build, x, stages, width, keep_size=small)
    x = build.conv(x, build.scale_width(head), 1, "head")
    x = build.dropout(layers.GlobalAveragePooling2D(name="pool")(x))
    return keras.Model(image, output_head(x, spec, build), name=name)


def inverted_residual_stages(
    build: BuildingBlocks,
    x: Any,
    stages: Iterable[StageSpec],
    width: float,
    keep_size: bool = False,
) -> Any:
    """Apply all stages.

    Args:
        build: the shared hyperparameters.
        x: `(batch, height, width, channels)`.
        stages: rows of the paper's table.
        width: multiplier of the table's filters, which are rounded to eights.
        keep_size: use stride 1 in the first three stages, for small images.

    Returns:
        `(batch, reduced height, reduced width, filters of the last stage)`.
    """
    for number, stage in enumerate(stages, 1):
        keep = keep_size and number <= FULL_SIZE_STAGES
        for block in range(build.scale_depth(stage.blocks)):
            strides = stage.strides if block == 0 and not keep else 1
            filters = round_to_eight(stage.filters * width)
            x = _block(build, x, stage, filters, strides, f"stage{number}_{block + 1}")
    return x


def round_to_eight(filters: float) -> int:
    """Round to a multiple of eight that is at least 8 and 0.9 times `filters`."""
    rounded = max(8, int(filters + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * filters else rounded


def _block(
    build: BuildingBlocks,
    x: Any,
    stage: StageSpec,
    filters: int,
    strides: int,
    name: str,
) -> Any:
    """Expand, filter each channel, project linearly; add the input if shapes agree."""
    y = x
    if stage.expansion > 1:
        y = build.conv(y, stage.expansion * x.shape[-1], 1, f"{name}_expand")
    y = build.depthwise(y, stage.size, f"{name}_depthwise", strides)
    y = build.conv(y, filters, 1, f"{name}_project", activate=False)
    if strides == 1 and x.shape[-1] == filters:
        y = layers.Add(name=f"{name}_add")([x, y])
    return y
