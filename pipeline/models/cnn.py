"""A small convolutional net: two 3x3 convolutions, pooled, and one dense layer.

LeNet-5's plan (LeCun et al., Gradient-Based Learning Applied to Document
Recognition, 1998) with ReLU and max pooling: conv 32, conv 64, dense 64.
"""

from __future__ import annotations

import keras
from keras import layers
from keras_tuner import HyperParameters

from pipeline.data.spec import TaskSpec
from pipeline.models.choices import choose
from pipeline.models.ends import answer, entrance, is_image, require
from pipeline.models.registry import builder


@builder("cnn")
def cnn(hp: HyperParameters, spec: TaskSpec) -> keras.Model:
    """Images of at least 4x4 to logits, `(batch, classes)`."""
    needs = "images of at least 4x4 (height, width, channels)"
    require("cnn", spec, needs, is_image(spec))
    own = choose(hp, initializer="glorot_uniform", normalization="none")
    filters = hp.Int("filters", 16, 48, step=16, default=32)
    dense = hp.Int("dense", 32, 96, step=32, default=64)
    x = image = entrance(spec)
    for number, count in enumerate((filters, 2 * filters), 1):
        for again in range(own.deep(1)):
            name = f"conv{number}" + (f"_{again + 1}" if again else "")
            x = own.conv(x, own.wide(count), 3, name)
        x = layers.MaxPooling2D(name=f"pool{number}")(x)
    x = layers.Flatten(name="flatten")(x)
    x = own.drop(own.dense(x, own.wide(dense), "dense"))
    return keras.Model(image, answer(x, spec, own), name="cnn")
