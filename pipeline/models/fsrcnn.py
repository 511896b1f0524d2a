"""FSRCNN: super-resolution that computes in the size of the small image.

Dong, Loy, Tang, Accelerating the Super-Resolution Convolutional Neural Network, 2016:
features, a 1x1 reduction, `mapping` 3x3 convolutions, a 1x1 expansion, and a transposed
convolution. Unlike the paper's, the network adds its output to the bilinearly enlarged
input, as Kim, Lee, Lee, Accurate Image Super-Resolution Using Very Deep Convolutional
Networks, 2016, and the transposed convolution has `2 * scale + 1` pixels instead of 9.
"""

from __future__ import annotations

import keras
from keras import layers
from keras_tuner import HyperParameters

from pipeline.data.spec import TaskSpec
from pipeline.models.building_blocks import building_blocks
from pipeline.models.input_output import (
    difference_options,
    enlarge,
    input_layer,
    is_image,
    require_input,
)
from pipeline.models.registry import builder
from pipeline.tasks.registry import task_of


@builder("fsrcnn")
def fsrcnn(hp: HyperParameters, spec: TaskSpec) -> keras.Model:
    """FSRCNN for super-resolution and denoising.

    Args:
        hp: declares `features` (8 .. 56), `reduced` (4 .. 16) and the number of
            `mapping` convolutions (1 .. 4).
        spec: images of at least 8x8.

    Returns:
        Images `(batch, height, width, channels)` to restored images of the target's
        shape.
    """
    fits = is_image(spec, 8)
    require_input("fsrcnn", spec, "images of at least 8x8", fits, ["image"])
    build = building_blocks(hp, normalization="none", dropout=0.0)
    features = build.scale_width(hp.Int("features", 8, 56, step=8, default=16))
    reduced = build.scale_width(hp.Int("reduced", 4, 16, step=4, default=8))
    mapping = build.scale_depth(hp.Int("mapping", 1, 4, default=2))
    output = task_of(spec).output_shape(spec)
    scale = output[0] // spec.shape[0]
    image = input_layer(spec)
    x = build.conv(image, features, 5, "features")
    x = build.conv(x, reduced, 1, "reduce")
    for number in range(1, mapping + 1):
        x = build.conv(x, reduced, 3, f"map{number}")
    x = build.conv(x, features, 1, "expand")
    options = {"padding": "same", **difference_options()}
    if scale == 1:
        x = layers.Conv2D(output[-1], 5, **options)(x)
    else:
        x = layers.Conv2DTranspose(output[-1], 2 * scale + 1, scale, **options)(x)
    name = task_of(spec).output_name
    x = layers.Add(name=name)([enlarge(image, spec), x])
    return keras.Model(image, x, name="fsrcnn")
