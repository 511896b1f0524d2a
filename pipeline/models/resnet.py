"""A residual net for small images: a convolution, then stages of basic blocks.

He, Zhang, Ren, Sun, Deep Residual Learning for Image Recognition, 2016, section
4.2: each stage halves the image and doubles the filters. A shortcut that changes
shape is a 1x1 convolution without normalization, as in `mlperf_tiny`, the ResNet-8
of MLPerf Tiny (Banbury et al., 2021): 78,666 parameters and 12.5 M MACs at 32x32x3.
`stem_strides: 2` halves the image before the first stage, as their nets for ImageNet
do: the same weights, a quarter of the MACs.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import layers
from keras_tuner import HyperParameters

from pipeline.data.spec import TaskSpec
from pipeline.models.choices import Choices, choose
from pipeline.models.ends import answer, entrance, is_image, require
from pipeline.models.mistakes import Mistake
from pipeline.models.registry import builder

MLPERF_TINY = {"filters": 16, "stages": 3, "blocks": 1, "bias": True, "dropout": 0.0}


@builder("resnet", presets={"mlperf_tiny": MLPERF_TINY})
def resnet(hp: HyperParameters, spec: TaskSpec) -> keras.Model:
    """Images of at least 8x8 to logits, `(batch, classes)`."""
    require("resnet", spec, "images of at least 8x8", is_image(spec, 8))
    own = choose(hp, l2=1e-4, dropout=0.0)
    filters = hp.Int("filters", 8, 32, step=8, default=16)
    stages = hp.Int("stages", 2, 4, default=3)
    blocks = own.deep(hp.Int("blocks", 1, 3, default=1))
    x = image = entrance(spec)
    x = own.conv(x, own.wide(filters), 3, "stem", _stem_strides(hp))
    for stage in range(stages):
        for block in range(blocks):
            strides = 2 if stage and not block else 1
            name = f"stage{stage + 1}_block{block + 1}"
            x = _block(own, x, own.wide(filters * 2**stage), strides, name)
    x = own.drop(layers.GlobalAveragePooling2D(name="pool")(x))
    return keras.Model(image, answer(x, spec, own), name="resnet")


def _stem_strides(hp: HyperParameters) -> int:
    """1 unless it is asked for; a search for accuracy alone would not ask for 2."""
    strides = hp.Fixed("stem_strides", 1)
    if strides not in (1, 2):
        message = "values.stem_strides: must be 1 or 2; received"
        raise Mistake(f"{message} {strides}")
    return strides


def _block(own: Choices, x: Any, filters: int, strides: int, name: str) -> Any:
    """Two convolutions, added to what came in."""
    y = own.conv(x, filters, 3, f"{name}_conv1", strides)
    y = own.conv(y, filters, 3, f"{name}_conv2", activate=False)
    if strides > 1 or x.shape[-1] != filters:
        x = layers.Conv2D(
            filters,
            1,
            strides,
            padding="same",
            use_bias=own.bias,
            name=f"{name}_shortcut",
            **own.weights(),
        )(x)
    return own.activate(layers.Add(name=f"{name}_add")([x, y]), f"{name}_act")
