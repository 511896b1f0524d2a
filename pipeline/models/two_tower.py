"""A recommender: a tower for the user, one for the item, and how well they agree.

Covington, Adams, Sargin, Deep Neural Networks for YouTube Recommendations, 2016;
Yi et al., Sampling-Bias-Corrected Neural Modeling, 2019. The last layer weighs
each feature of the product (He et al., Neural Collaborative Filtering, 2017).
"""

from __future__ import annotations

from typing import Any

import keras
from keras import layers
from keras_tuner import HyperParameters

from pipeline.data.spec import TaskSpec
from pipeline.models.choices import Choices, choose
from pipeline.models.ends import answer, entrance, is_tokens, require
from pipeline.models.registry import builder

TOWERS = {"user": (0, 1), "item": (1, 0)}  # how many columns each crops, per side


@builder("two_tower")
def two_tower(hp: HyperParameters, spec: TaskSpec) -> keras.Model:
    """Numbers `(user, item)` of one vocabulary to logits, or to a rating."""
    pair = is_tokens(spec) and spec.shape == (2,)
    require("two_tower", spec, "pairs (user, item) of a vocabulary", pair)
    own = choose(hp, normalization="none", dropout=0.0)
    embedding = own.wide(hp.Int("embedding", 8, 64, step=8, default=16))
    units = own.wide(hp.Int("units", 8, 64, step=8, default=32))
    row = entrance(spec)
    pairs = layers.Embedding(spec.vocabulary, embedding, name="embedding")(row)
    towers = [_tower(own, pairs, units, name) for name in TOWERS]
    x = own.drop(layers.Multiply(name="agreement")(towers))
    return keras.Model(row, answer(x, spec, own), name="two_tower")


def _tower(own: Choices, pairs: Any, units: int, name: str) -> Any:
    x = layers.Cropping1D(TOWERS[name], name=name)(pairs)
    x = layers.Flatten(name=f"{name}_features")(x)
    x = own.dense(x, units, f"{name}_dense")
    return own.dense(x, units, f"{name}_out", activate=False)
