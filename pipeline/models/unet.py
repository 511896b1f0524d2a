"""A U-Net: an encoder and a decoder with a skip connection per level.

Ronneberger, Fischer, Brox, U-Net: Convolutional Networks for Biomedical Image
Segmentation, 2015, with padding "same" and nearest-neighbor upsampling.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import layers
from keras_tuner import HyperParameters

from pipeline.data.spec import TaskSpec
from pipeline.models.building_blocks import BuildingBlocks, building_blocks
from pipeline.models.input_output import (
    difference_options,
    enlarge,
    input_layer,
    is_image,
    require_input,
)
from pipeline.models.registry import builder
from pipeline.tasks.registry import task_of

MAX_LEVELS = 4


@builder("unet")
def unet(hp: HyperParameters, spec: TaskSpec) -> keras.Model:
    """U-Net for segmentation and restoration: encoder and decoder with skips.

    Args:
        hp: declares `filters` of the first level (8 .. 32; they double per level)
            and `levels` (1 .. 4, limited by how often the image can be halved).
        spec: images of even height and width, at least 4x4.

    Returns:
        Images `(batch, height, width, channels)` to logits per pixel,
        `(batch, height, width, classes)`, or to the restored image: the input, enlarged
        where the target is larger, plus a learned difference.
    """
    max_levels = _max_levels(spec)
    needs = "images of even height and width, at least 4x4"
    require_input("unet", spec, needs, max_levels > 0, ["class_map", "image"])
    build = building_blocks(hp, dropout=0.0)
    filters = hp.Int("filters", 8, 32, step=8, default=16)
    levels = min(hp.Int("levels", 1, MAX_LEVELS, default=3), max_levels)
    widths = [build.scale_width(filters * 2**level) for level in range(levels + 1)]
    image = input_layer(spec)
    task, enlarged = task_of(spec), enlarge(image, spec)
    x = _decode(build, *_encode(build, enlarged, widths), widths)
    if task.degrades:
        x = layers.Conv2D(spec.shape[-1], 1, **difference_options())(x)
        x = layers.Add(name=task.output_name)([enlarged, x])
    else:
        x = layers.Conv2D(len(spec.classes), 1, name=task.output_name)(x)
    return keras.Model(image, x, name="unet")


def _encode(build: BuildingBlocks, x: Any, widths: list[int]) -> tuple[Any, list[Any]]:
    """Return the lowest level, and the features of each level above it."""
    skips = []
    for level, width in enumerate(widths[:-1], 1):
        x = _convolutions(build, x, width, f"down{level}")
        skips.append(x)
        x = layers.MaxPooling2D(name=f"pool{level}")(x)
    return build.dropout(_convolutions(build, x, widths[-1], "bottom")), skips


def _decode(build: BuildingBlocks, x: Any, skips: list[Any], widths: list[int]) -> Any:
    """Upsample level by level, each joined with the encoder's features."""
    for level in range(len(skips), 0, -1):
        x = layers.UpSampling2D(name=f"up{level}_size")(x)
        x = layers.Concatenate(name=f"up{level}_join")([x, skips[level - 1]])
        x = _convolutions(build, x, widths[level - 1], f"up{level}")
    return x


def _convolutions(build: BuildingBlocks, x: Any, width: int, name: str) -> Any:
    for number in range(1, build.scale_depth(2) + 1):
        x = build.conv(x, width, 3, f"{name}_conv{number}")
    return x


def _max_levels(spec: TaskSpec) -> int:
    """Number of times that height and width can be halved; 0 for other data."""
    if not is_image(spec):
        return 0
    halvings = range(MAX_LEVELS + 1)
    return max(n for n in halvings if not any(s % 2**n for s in spec.shape[:2]))
