"""A small convolutional net: two 3x3 convolutions, pooled, and one dense layer.

LeNet-5's plan (LeCun et al., Gradient-Based Learning Applied to Document
Recognition, 1998) with ReLU and max pooling: conv 32, conv 64, dense 64.
"""

from __future__ import annotations

import keras
from keras import layers
from keras_tuner import HyperParameters

from pipeline.data.spec import TaskSpec
from pipeline.engine.errors import UserError
from pipeline.models.registry import builder, scaled


@builder("cnn")
def cnn(hp: HyperParameters, spec: TaskSpec) -> keras.Model:
    """Images of at least 4x4 to logits, `(batch, classes)`."""
    _check(spec)
    width = hp.Fixed("width", 1.0)
    filters = scaled(hp.Int("filters", 16, 48, step=16, default=32), width)
    dense = scaled(hp.Int("dense", 32, 96, step=32, default=64), width)
    dropout = hp.Float("dropout", 0.0, 0.4, step=0.1, default=0.2)
    x = image = keras.Input(spec.shape, name="image")
    for number, count in enumerate((filters, 2 * filters), 1):
        x = layers.Conv2D(
            count, 3, padding="same", activation="relu", name=f"conv{number}"
        )(x)
        x = layers.MaxPooling2D(name=f"pool{number}")(x)
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dense(dense, activation="relu", name="dense")(x)
    x = layers.Dropout(dropout, seed=1, name="dropout")(x)
    x = layers.Dense(len(spec.classes), name="logits")(x)
    return keras.Model(image, x, name="cnn")


def _check(spec: TaskSpec) -> None:
    if spec.task != "classification" or len(spec.shape) != 3 or min(spec.shape[:2]) < 4:
        raise UserError(
            "builder cnn: needs images of at least 4x4 (height, width, channels) and "
            f"classes; {spec.source} is {spec.task} of {spec.modality} {spec.shape}"
        )
