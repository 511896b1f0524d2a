"""Transfer learning: a trained backbone, and a new head for the task's classes.

Yosinski et al., How Transferable Are Features in Deep Neural Networks?, 2014. The
backbone's first layers are frozen. A frozen batch normalization keeps its trained
statistics, also while the rest is fine-tuned.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import layers
from keras_tuner import HyperParameters

from pipeline.core.errors import did_you_mean
from pipeline.data.spec import TaskSpec
from pipeline.models import pretrained_parts
from pipeline.models.building_blocks import building_blocks
from pipeline.models.errors import ModelError, error_prefix
from pipeline.models.input_output import (
    input_layer,
    is_image,
    output_head,
    require_input,
)
from pipeline.models.registry import builder

MAX_PIXEL = 255.0
# Range of a backbone's input -> (shift, divisor) of a pixel of 0 .. 255.
RANGES = {
    "0..255": (0.0, 1.0),
    "0..1": (0.0, 255.0),
    "-1..1": (127.5, 127.5),
    "(x-127)/128": (127.0, 128.0),
}
# Prefix of a name in keras.applications -> input range; the first match counts. The
# families left out need statistics per channel.
RANGE_OF_PREFIX = {
    "MobileNetV3": "0..255",
    "MobileNet": "-1..1",
    "EfficientNetV2": "0..255",
    "EfficientNetB": "0..255",
    "ConvNeXt": "0..255",
    "InceptionV3": "-1..1",
    "InceptionResNetV2": "-1..1",
    "NASNet": "-1..1",
    "Xception": "-1..1",
}
RESNETS_V2 = ("ResNet50V2", "ResNet101V2", "ResNet152V2")
WEIGHTS = ("none", "imagenet")


@builder("pretrained")
def pretrained(hp: HyperParameters, spec: TaskSpec) -> keras.Model:
    """Pretrained backbone from keras.applications or a .keras file, with a new head.

    Args:
        hp: declares `backbone`, a name in keras.applications or a .keras file;
            `weights`, none or imagenet (downloaded) for such a name; `pixels`, the
            backbone's input range, one of `RANGES`; `freeze`, the fraction of the
            backbone's layers, counted from the first, whose weights are frozen. Only
            `freeze` and dropout are searched.
        spec: images of at least 8x8 with one or three channels.

    Returns:
        Images `(batch, height, width, channels)` to logits `(batch, classes)`.

    Raises:
        ModelError: for a backbone that is unknown, missing, changed, or unfit for
            these images.
    """
    needs = "images of at least 8x8 with one or three channels"
    fits = is_image(spec, 8) and spec.shape[2] in (1, 3)
    require_input("pretrained", spec, needs, fits, ["logits", "vector"])
    build = building_blocks(hp, normalization="none")
    freeze = hp.Choice("freeze", [1.0, 0.75, 0.5, 0.0], default=1.0)
    backbone, pixels = _backbone(hp, spec)
    _freeze(backbone, freeze)
    image = input_layer(spec)
    x = _features(backbone, _rescale(_rgb(image, spec), RANGES[pixels]))
    x = build.dropout(x, "head_dropout")
    return keras.Model(image, output_head(x, spec, build), name="pretrained")


def _rgb(image: Any, spec: TaskSpec) -> Any:
    if spec.shape[2] == 3:
        return image
    return layers.Concatenate(name="rgb")([image, image, image])


def _features(backbone: keras.Model, x: Any) -> Any:
    """Apply the backbone and pool over height and width: `(batch, features)`."""
    prefix = "backbone_" if backbone.name == "backbone" else ""
    with error_prefix("values.backbone: "):
        x = pretrained_parts.inline(backbone, x, prefix)
    if len(x.shape) == 4:
        x = layers.GlobalAveragePooling2D(name="features")(x)
    return x


def _backbone(hp: HyperParameters, spec: TaskSpec) -> tuple[keras.Model, str]:
    """Return the model without its head, and its input range."""
    name = hp.Fixed("backbone", "MobileNetV2")
    weights = hp.Fixed("weights", "none")
    _check_choice("weights", weights, WEIGHTS)
    is_file = name.endswith(".keras")
    pixels = hp.Fixed("pixels", "-1..1" if is_file else _pixel_range(name))
    _check_choice("pixels", pixels, tuple(RANGES))
    if is_file:
        with error_prefix("values.backbone: "):
            model = pretrained_parts.load_pinned(name, hp, "backbone_hash")
            return _headless(model, name), pixels
    return _application(name, weights, spec), pixels


def _check_choice(key: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        names = ", ".join(allowed)
        raise ModelError(f'values.{key}: no "{value}" (there are: {names})')


def _pixel_range(name: str) -> str:
    """Look up the input range of a model in keras.applications."""
    if name in RESNETS_V2:
        return "-1..1"
    prefixes = tuple(RANGE_OF_PREFIX)
    supported = [key for key in dir(keras.applications) if key.startswith(prefixes)]
    if name not in supported or not callable(getattr(keras.applications, name)):
        names = [*supported, *RESNETS_V2]
        raise ModelError(
            f'values.backbone: no "{name}"{did_you_mean(name, names)} (there are: '
            f"{', '.join(names)}; or a .keras file)"
        )
    return next(RANGE_OF_PREFIX[key] for key in prefixes if name.startswith(key))


def _application(name: str, weights: str, spec: TaskSpec) -> keras.Model:
    try:
        return getattr(keras.applications, name)(
            include_top=False,
            weights=None if weights == "none" else weights,
            input_shape=(*spec.shape[:2], 3),
        )
    except Exception as error:  # an unsupported size, or no network
        reason = str(error).strip().splitlines()[0]
        raise ModelError(f"values.backbone {name}: {reason}") from error


def _headless(model: keras.Model, name: str) -> keras.Model:
    """Cut a model before its last dense layer; keep all of one without any."""
    dense = [layer for layer in model.layers if isinstance(layer, layers.Dense)]
    with error_prefix(f"{name} "):
        pretrained_parts.input_output_shapes(model)
    features = dense[-1].input if dense else model.output
    if len(features.shape) not in (2, 4):
        raise ModelError(
            f"{name}: the backbone's features are {tuple(features.shape)}; they must "
            "be (batch, features) or (batch, height, width, channels)"
        )
    return keras.Model(model.inputs, features, name="backbone")


def _freeze(backbone: keras.Model, fraction: float) -> None:
    """Freeze the first layers; Keras runs a frozen batch norm in inference mode."""
    count = round(fraction * len(backbone.layers))
    for layer in backbone.layers[:count]:
        layer.trainable = False


def _rescale(x: Any, pixel_range: tuple[float, float]) -> Any:
    """Map the model's input range, 0 .. 1 for images, to the backbone's."""
    shift, divisor = pixel_range
    scale, offset = MAX_PIXEL / divisor, -shift / divisor
    if abs(scale - 1) < 1e-9 and abs(offset) < 1e-9:
        return x
    return layers.Rescaling(scale, offset, name="pixels")(x)
