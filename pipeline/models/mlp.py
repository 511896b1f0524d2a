"""A multilayer perceptron: every pixel or column to dense layers, 64 and 64.

Rumelhart, Hinton, Williams, Learning Representations by Back-Propagating Errors,
1986; on 28x28 images and ten classes it is 784-64-64-10.
"""

from __future__ import annotations

import keras
from keras import layers
from keras_tuner import HyperParameters

from pipeline.data.spec import TaskSpec
from pipeline.models.choices import choose
from pipeline.models.ends import answer, entrance, require
from pipeline.models.registry import builder


@builder("mlp")
def mlp(hp: HyperParameters, spec: TaskSpec) -> keras.Model:
    """Numbers of any shape to logits, or to one number."""
    require("mlp", spec, "numbers of any shape, no tokens", not spec.vocabulary)
    own = choose(hp, normalization="none")
    units = hp.Int("units", 32, 128, step=32, default=64)
    count = hp.Int("layers", 1, 4, default=2)
    x = features = entrance(spec)
    if len(spec.shape) > 1:
        x = layers.Flatten(name="flatten")(x)
    for number in range(1, own.deep(count) + 1):
        x = own.dense(x, own.wide(units), f"dense{number}")
    x = own.drop(x)
    return keras.Model(features, answer(x, spec, own), name="mlp")
