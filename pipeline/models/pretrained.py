"""Transfer learning: a trained backbone, and a new head for the task's classes.

Yosinski et al., How Transferable Are Features in Deep Neural Networks?, 2014. The
first part of the backbone is frozen; a frozen batch normalization keeps the
statistics that it was trained with, also while the rest is fine-tuned.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import layers
from keras_tuner import HyperParameters

from pipeline.data.spec import TaskSpec
from pipeline.core.errors import nearest
from pipeline.models import reuse
from pipeline.models.choices import choose
from pipeline.models.ends import answer, entrance, is_image, require
from pipeline.models.mistakes import Mistake, told_as
from pipeline.models.registry import builder

WHITE = 255.0
# What a backbone wants to see of a pixel 0 .. 255: (pixel - shift) / size.
RANGES = {
    "0..255": (0.0, 1.0),
    "0..1": (0.0, 255.0),
    "-1..1": (127.5, 127.5),
    "(x-127)/128": (127.0, 128.0),
}
# In keras.applications by the beginning of their names; others want BGR and means.
WANTED = {
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
RESIDUAL = ("ResNet50V2", "ResNet101V2", "ResNet152V2")
WEIGHTS = ("none", "imagenet")


@builder("pretrained")
def pretrained(hp: HyperParameters, spec: TaskSpec) -> keras.Model:
    """Images, grey or coloured, to logits.

    Hyperparameters: `backbone` is a name of keras.applications or a .keras file;
    `weights: imagenet` fetches those of a name from the network; `freeze` is the
    part of the backbone's layers that keep their weights, from the first one on.
    """
    needs = "images of at least 8x8 with one or three channels"
    fits = is_image(spec, 8) and spec.shape[2] in (1, 3)
    require("pretrained", spec, needs, fits, ["classification"])
    own = choose(hp, normalization="none")
    freeze = hp.Choice("freeze", [1.0, 0.75, 0.5, 0.0], default=1.0)
    features, wanted = _backbone(hp, spec)
    _freeze(features, freeze)
    x = image = entrance(spec)
    if spec.shape[2] == 1:
        x = layers.Concatenate(name="rgb")([x, x, x])
    prefix = "backbone_" if features.name == "backbone" else ""
    with told_as("values.backbone: "):
        x = reuse.apply(features, _rescale(x, RANGES[wanted]), prefix)
    if len(x.shape) == 4:
        x = layers.GlobalAveragePooling2D(name="features")(x)
    x = own.drop(x, "head_dropout")
    return keras.Model(image, answer(x, spec, own), name="pretrained")


def _backbone(hp: HyperParameters, spec: TaskSpec) -> tuple[keras.Model, str]:
    """The model without its head, and the range of pixels that it wants."""
    name = hp.Fixed("backbone", "MobileNetV2")
    weights = hp.Fixed("weights", "none")
    if weights not in WEIGHTS:
        raise Mistake(f'values.weights: no "{weights}" (there are: {WEIGHTS})')
    own = name.endswith(".keras")
    wanted = hp.Fixed("pixels", "-1..1" if own else _wanted(name))
    if wanted not in RANGES:
        known = ", ".join(RANGES)
        raise Mistake(f'values.pixels: no "{wanted}" (there are: {known})')
    if own:
        with told_as("values.backbone: "):
            return _headless(reuse.read(name, hp, "backbone_hash"), name), wanted
    return _named(name, weights, spec), wanted


def _wanted(name: str) -> str:
    if name in RESIDUAL:
        return "-1..1"
    known = [one for one in dir(keras.applications) if one.startswith(tuple(WANTED))]
    if name not in known or not callable(getattr(keras.applications, name)):
        names = ", ".join([*known, *RESIDUAL])
        hint = nearest(name, known)
        raise Mistake(
            f'values.backbone: no "{name}"{hint} (there are: {names}; or a .keras file)'
        )
    return next(WANTED[begin] for begin in WANTED if name.startswith(begin))


def _named(name: str, weights: str, spec: TaskSpec) -> keras.Model:
    try:
        return getattr(keras.applications, name)(
            include_top=False,
            weights=None if weights == "none" else weights,
            input_shape=(*spec.shape[:2], 3),
        )
    except Exception as error:  # a size that does not fit, or no network
        reason = str(error).strip().splitlines()[0]
        raise Mistake(f"values.backbone {name}: {reason}") from error


def _headless(model: keras.Model, name: str) -> keras.Model:
    """The part before the last dense layer, or all of it where there is none."""
    dense = [one for one in model.layers if isinstance(one, layers.Dense)]
    with told_as(f"{name} "):
        reuse.ends(model)
    features = dense[-1].input if dense else model.output
    if len(features.shape) not in (2, 4):
        raise Mistake(f"{name}: its features are {features.shape}, not of images")
    return keras.Model(model.inputs, features, name="backbone")


def _freeze(features: keras.Model, part: float) -> None:
    """Fix the first layers: in inference mode, as Keras does for a batch norm."""
    count = round(part * len(features.layers))
    for layer in features.layers[:count]:
        layer.trainable = False


def _rescale(x: Any, wanted: tuple[float, float]) -> Any:
    """From the model input's range, 0 .. 1 for images, to the wanted one."""
    shift, size = wanted
    scale, offset = WHITE / size, -shift / size
    if abs(scale - 1) < 1e-9 and abs(offset) < 1e-9:
        return x
    return layers.Rescaling(scale, offset, name="pixels")(x)
