"""DS-CNN: a depthwise separable network for keyword spotting.

Zhang, Suda, Lai, Chandra, Hello Edge: Keyword Spotting on Microcontrollers, 2017.
`mlperf_tiny` is MLPerf Tiny's keyword model (Banbury et al., 2021): 24,908
parameters and 2.66 M MACs at 49x10x1 and twelve words.
"""

from __future__ import annotations

import keras
from keras import layers
from keras_tuner import HyperParameters

from pipeline.data.spec import TaskSpec
from pipeline.models.building_blocks import building_blocks
from pipeline.models.input_output import (
    input_layer,
    is_image,
    output_head,
    require_input,
)
from pipeline.models.registry import builder

STEMS = {"3x3": (3, 3), "10x4": (10, 4)}
MLPERF_TINY = {"filters": 64, "blocks": 4, "stem": "10x4", "bias": True}


@builder("ds_cnn", presets={"mlperf_tiny": MLPERF_TINY})
def ds_cnn(hp: HyperParameters, spec: TaskSpec) -> keras.Model:
    """Depthwise separable CNN for keyword spotting, DS-CNN.

    Args:
        hp: declares `filters` (32 .. 96), `blocks` (2 .. 6) and the kernel of the
            `stem` ("3x3" or "10x4" in frames by bins).
        spec: spectrograms or images of at least 4x4.

    Returns:
        Inputs `(batch, frames, bins, channels)` to logits `(batch, classes)`, or
        `(batch, 1)`.
    """
    needs = "spectrograms or images of at least 4x4"
    require_input("ds_cnn", spec, needs, is_image(spec))
    build = building_blocks(hp)
    filters = build.scale_width(hp.Int("filters", 32, 96, step=32, default=64))
    blocks = build.scale_depth(hp.Int("blocks", 2, 6, default=4))
    stem = hp.Choice("stem", list(STEMS), default="10x4")
    x = sound = input_layer(spec)
    x = build.conv(x, filters, STEMS[stem], "stem", strides=2)
    for number in range(1, blocks + 1):
        x = build.depthwise(x, 3, f"block{number}_depthwise")
        x = build.conv(x, filters, 1, f"block{number}_pointwise")
    x = build.dropout(layers.GlobalAveragePooling2D(name="pool")(x))
    return keras.Model(sound, output_head(x, spec, build), name="ds_cnn")
