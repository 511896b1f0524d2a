"""A light decoder on a classification backbone, for a class per pixel.

Lin et al., Feature Pyramid Networks for Object Detection, 2017, with depthwise
separable convolutions: the backbone's features at the deepest size are projected to
`channels`, then enlarged and added to the projected features of each larger size. The
logits are computed at the largest size of the features and resized to that of the image
inside the model, bilinearly.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
from keras import layers
from keras_tuner import HyperParameters

from pipeline.core.errors import did_you_mean
from pipeline.data.spec import TaskSpec
from pipeline.models import (
    cnn,
    ds_cnn,
    efficientnet_lite,
    mobilenet_v1,
    mobilenet_v2,
    pretrained,
    resnet,
)
from pipeline.models.building_blocks import BuildingBlocks, building_blocks
from pipeline.models.errors import ModelError
from pipeline.models.graph import calls
from pipeline.models.input_output import is_image, require_input
from pipeline.models.registry import builder
from pipeline.tasks.registry import as_labels

BACKBONES: dict[str, Callable[[HyperParameters, TaskSpec], keras.Model]] = {
    "cnn": cnn.cnn,
    "ds_cnn": ds_cnn.ds_cnn,
    "efficientnet_lite": efficientnet_lite.efficientnet_lite,
    "mobilenet_v1": mobilenet_v1.mobilenet_v1,
    "mobilenet_v2": mobilenet_v2.mobilenet_v2,
    "pretrained": pretrained.pretrained,
    "resnet": resnet.resnet,
}
STRIDES = (4, 8, 16, 32)


@builder("decoder")
def decoder(hp: HyperParameters, spec: TaskSpec) -> keras.Model:
    """Light decoder on the features of a classification backbone.

    Args:
        hp: declares `family`, the backbone's builder, one of `BACKBONES`, and its
            hyperparameters, except that `pretrained` has a `backbone` too; `stride`,
            that of the deepest features used (4, 8, 16 or 32); `channels` of the
            decoder (8 .. 64).
        spec: images of even height and width, at least 8x8.

    Returns:
        Images `(batch, height, width, channels)` to logits per pixel,
        `(batch, height, width, classes)`.

    Raises:
        ModelError: for a backbone that does not exist, or that never halves an image.
    """
    even = is_image(spec, 8) and not any(side % 2 for side in spec.shape[:2])
    needs = "images of even height and width, at least 8x8"
    require_input("decoder", spec, needs, even, ["class_map"])
    build = building_blocks(hp, dropout=0.0)
    stride = hp.Choice("stride", list(STRIDES), default=8)
    channels = build.scale_width(hp.Int("channels", 8, 64, step=8, default=16))
    backbone = backbone_of(hp, spec)
    features = features_of(backbone, spec, stride)
    x = build.conv(features[-1], channels, 1, "deepest")
    for number, larger in reversed(list(enumerate(features[:-1]))):
        x = merged(build, x, larger, channels, f"merge{number + 1}")
    x = layers.Conv2D(len(spec.classes), 1, name="scores")(x)
    factors = tuple(side // size for side, size in zip(spec.shape, x.shape[1:3]))
    x = layers.UpSampling2D(factors, interpolation="bilinear", name="logits")(x)
    return keras.Model(backbone.inputs, x, name="decoder")


def backbone_of(hp: HyperParameters, spec: TaskSpec) -> keras.Model:
    """Build the classifier whose features are used.

    Args:
        hp: declares `family` and the hyperparameters of its builder.
        spec: signature of the data.

    Raises:
        ModelError: for a backbone that does not exist.
    """
    family = hp.Fixed("family", "mobilenet_v1")
    if family not in BACKBONES:
        raise ModelError(
            f'values.family: no "{family}"{did_you_mean(str(family), BACKBONES)} '
            f"(there are: {', '.join(BACKBONES)})"
        )
    return BACKBONES[family](hp, as_labels(spec))


def features_of(model: keras.Model, spec: TaskSpec, stride: int) -> list[Any]:
    """Return the last tensor of each size that divides the image, the largest first.

    Args:
        model: the classifier.
        spec: signature of the data.
        stride: maximum size of the image in sizes of the features.

    Raises:
        ModelError: without features of half the image or less.
    """
    tensors = {id(t): t for layer in model.layers for t in _outputs(layer)}
    last: dict[tuple[int, int], Any] = {}
    for call in calls(model):
        tensor = tensors.get(call.outputs[0])
        if tensor is not None and len(tensor.shape) == 4:
            height, width = tensor.shape[1:3]
            divides = not spec.shape[0] % height and not spec.shape[1] % width
            if divides and 2 <= spec.shape[0] // height <= stride and height > 1:
                last[height, width] = tensor
    if not last:
        raise ModelError(
            f"builder: the backbone has no features of half the image or less "
            f"for images of {spec.shape}; choose another family, or a larger stride"
        )
    return [last[size] for size in sorted(last, reverse=True)]


def _outputs(layer: Any) -> list[Any]:
    return list(keras.tree.flatten(layer.output))


def merged(build: BuildingBlocks, x: Any, larger: Any, channels: int, name: str) -> Any:
    """Enlarge features, add larger ones, and filter: a depthwise separable unit.

    Args:
        build: layers.
        x: the smaller features.
        larger: features of a multiple of their size.
        channels: of the result.
        name: begins the names of the layers.
    """
    factors = tuple(a // b for a, b in zip(larger.shape[1:3], x.shape[1:3]))
    x = layers.UpSampling2D(factors, name=f"{name}_size")(x)
    lateral = build.conv(larger, channels, 1, f"{name}_lateral")
    x = layers.Add(name=f"{name}_add")([x, lateral])
    x = build.depthwise(x, 3, f"{name}_depthwise")
    return build.conv(x, channels, 1, f"{name}_pointwise")
