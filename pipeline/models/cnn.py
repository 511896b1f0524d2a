"""A small convolutional network in LeNet-5's layout, with ReLU and max pooling.

LeCun et al., Gradient-Based Learning Applied to Document Recognition, 1998. The
defaults are conv 32, conv 64, dense 64; a pooling layer follows each convolution.
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


@builder("cnn")
def cnn(hp: HyperParameters, spec: TaskSpec) -> keras.Model:
    """Small CNN: two 3x3 convolutions, each pooled, and a dense layer.

    Args:
        hp: declares `filters` of the first convolution (16 .. 48; the second has
            twice as many) and units of the `dense` layer (32 .. 96).
        spec: images of at least 4x4.

    Returns:
        Images `(batch, height, width, channels)` to logits `(batch, classes)`, or
        `(batch, 1)`.
    """
    needs = "images of at least 4x4 (height, width, channels)"
    require_input("cnn", spec, needs, is_image(spec))
    build = building_blocks(hp, initializer="glorot_uniform", normalization="none")
    filters = hp.Int("filters", 16, 48, step=16, default=32)
    dense = hp.Int("dense", 32, 96, step=32, default=64)
    x = image = input_layer(spec)
    for number, count in enumerate((filters, 2 * filters), 1):
        for repeat in range(build.scale_depth(1)):
            name = f"conv{number}" + (f"_{repeat + 1}" if repeat else "")
            x = build.conv(x, build.scale_width(count), 3, name)
        x = layers.MaxPooling2D(name=f"pool{number}")(x)
    x = layers.Flatten(name="flatten")(x)
    x = build.dropout(build.dense(x, build.scale_width(dense), "dense"))
    return keras.Model(image, output_head(x, spec, build), name="cnn")
