"""A residual network for small images: a convolution, then stages of basic blocks.

He, Zhang, Ren, Sun, Deep Residual Learning for Image Recognition, 2016, section
4.2. Each stage after the first halves the image and doubles the filters. A shortcut
that changes the shape is a 1x1 convolution without normalization, as in
`mlperf_tiny`, the ResNet-8 of MLPerf Tiny (Banbury et al., 2021): 78,666 parameters
and 12.5 M MACs at 32x32x3. `stem_strides: 2` halves the image before the first
stage, as the paper's ImageNet networks do: the same weights, a quarter of the MACs.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import layers
from keras_tuner import HyperParameters

from pipeline.data.spec import TaskSpec
from pipeline.models.building_blocks import BuildingBlocks, building_blocks
from pipeline.models.errors import ModelError
from pipeline.models.input_output import (
    input_layer,
    is_image,
    output_head,
    require_input,
)
from pipeline.models.registry import builder

MLPERF_TINY = {"filters": 16, "stages": 3, "blocks": 1, "bias": True, "dropout": 0.0}


@builder("resnet", presets={"mlperf_tiny": MLPERF_TINY})
def resnet(hp: HyperParameters, spec: TaskSpec) -> keras.Model:
    """Residual network for small images, with stages of basic blocks.

    Args:
        hp: declares `filters` of the first stage (8 .. 32), `stages` (2 .. 4),
            `blocks` per stage (1 .. 3) and `stem_strides` (1 or 2, not searched).
        spec: images of at least 8x8.

    Returns:
        Images `(batch, height, width, channels)` to logits `(batch, classes)`, or
        `(batch, 1)`.
    """
    require_input("resnet", spec, "images of at least 8x8", is_image(spec, 8))
    build = building_blocks(hp, l2=1e-4, dropout=0.0)
    filters = hp.Int("filters", 8, 32, step=8, default=16)
    stages = hp.Int("stages", 2, 4, default=3)
    blocks = build.scale_depth(hp.Int("blocks", 1, 3, default=1))
    x = image = input_layer(spec)
    x = build.conv(x, build.scale_width(filters), 3, "stem", _stem_strides(hp))
    for stage in range(stages):
        width = build.scale_width(filters * 2**stage)
        for block in range(blocks):
            strides = 2 if stage and not block else 1
            name = f"stage{stage + 1}_block{block + 1}"
            x = _block(build, x, width, strides, name)
    x = build.dropout(layers.GlobalAveragePooling2D(name="pool")(x))
    return keras.Model(image, output_head(x, spec, build), name="resnet")


def _stem_strides(hp: HyperParameters) -> int:
    """Fixed at 1 by default; a search for accuracy alone would never choose 2."""
    strides = hp.Fixed("stem_strides", 1)
    if strides not in (1, 2):
        raise ModelError(f"values.stem_strides: must be 1 or 2; received {strides}")
    return strides


def _block(build: BuildingBlocks, x: Any, filters: int, strides: int, name: str) -> Any:
    """Add two convolutions to their input, or to its projection."""
    y = build.conv(x, filters, 3, f"{name}_conv1", strides)
    y = build.conv(y, filters, 3, f"{name}_conv2", activate=False)
    if strides > 1 or x.shape[-1] != filters:
        x = layers.Conv2D(
            filters,
            1,
            strides,
            padding="same",
            use_bias=build.bias,
            name=f"{name}_shortcut",
            **build.kernel_options(),
        )(x)
    return build.activate(layers.Add(name=f"{name}_add")([x, y]), f"{name}_act")
