"""FSRCNN: super-resolution that computes in the size of the small image.

Dong, Loy, Tang, Accelerating the Super-Resolution Convolutional Neural Network, 2016:
features, a 1x1 reduction, `mapping` 3x3 convolutions, a 1x1 expansion, and a transposed
convolution. Unlike the paper's, the network adds its output to the bilinearly enlarged
input, as Kim, Lee, Lee, Accurate Image Super-Resolution Using Very Deep Convolutional
Networks, 2016; it reads the input without its local mean, which the sum restores, and
the last layer reads that beside the features. The local mean would dominate every
gradient, and its share of a rounded weight the error of an int8 file. The transposed
convolution has `2 * scale + 5` pixels: 9 for a scale of 2, as in the paper.
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

NEIGHBORHOOD = 3  # pixels per side of a local mean


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
    image = input_layer(spec)
    details = _details(image)
    x = build.conv(details, features, 5, "features")
    x = _mapped(build, x, reduced, mapping)
    x = build.conv(x, features, 1, "expand")
    x = layers.Concatenate(name="details_and_features")([details, x])
    name = task_of(spec).output_name
    x = layers.Add(name=name)([enlarge(image, spec), _difference(x, spec)])
    return keras.Model(image, x, name="fsrcnn")


def _details(image: Any) -> Any:
    """Subtract the local mean of each channel."""
    mean = layers.AveragePooling2D(NEIGHBORHOOD, 1, padding="same", name="local_mean")
    return layers.Subtract(name="details")([image, mean(image)])


def _mapped(build: BuildingBlocks, x: Any, reduced: int, mapping: int) -> Any:
    x = build.conv(x, reduced, 1, "reduce")
    for number in range(1, mapping + 1):
        x = build.conv(x, reduced, 3, f"map{number}")
    return x


def _difference(x: Any, spec: TaskSpec) -> Any:
    """Return what is added to the enlarged input, of the size of the target."""
    height, _, channels = task_of(spec).output_shape(spec)
    scale, options = height // spec.shape[0], {"padding": "same"}
    if scale == 1:
        return layers.Conv2D(channels, 5, **options, **difference_options())(x)
    size = 2 * scale + 5
    up = layers.Conv2DTranspose(
        channels, size, scale, **options, **difference_options()
    )
    return up(x)
