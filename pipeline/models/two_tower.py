"""A recommender with two towers: the user's and the item's features, compared.

Covington, Adams, Sargin, Deep Neural Networks for YouTube Recommendations, 2016;
Yi et al., Sampling-Bias-Corrected Neural Modeling, 2019. The last layer weights
each feature of the elementwise product (He et al., Neural Collaborative Filtering,
2017).
"""

from __future__ import annotations

from typing import Any

import keras
from keras import layers
from keras_tuner import HyperParameters

from pipeline.data.spec import TaskSpec
from pipeline.models.building_blocks import BuildingBlocks, building_blocks
from pipeline.models.input_output import (
    input_layer,
    is_tokens,
    output_head,
    require_input,
)
from pipeline.models.registry import builder

TOWERS = {"user": (0, 1), "item": (1, 0)}  # steps cropped at the start and the end


@builder("two_tower")
def two_tower(hp: HyperParameters, spec: TaskSpec) -> keras.Model:
    """Two-tower recommender: dense towers for user and item, multiplied.

    Args:
        hp: declares the size of the `embedding` (8 .. 64) and `units` per tower
            (8 .. 64).
        spec: pairs of numbers (user, item) of one vocabulary.

    Returns:
        Pairs `(batch, 2)` to logits `(batch, classes)`, or a rating `(batch, 1)`.
    """
    pair = is_tokens(spec) and spec.shape == (2,)
    require_input("two_tower", spec, "pairs (user, item) of a vocabulary", pair)
    build = building_blocks(hp, normalization="none", dropout=0.0)
    embedding = build.scale_width(hp.Int("embedding", 8, 64, step=8, default=16))
    units = build.scale_width(hp.Int("units", 8, 64, step=8, default=32))
    row = input_layer(spec)
    pairs = layers.Embedding(spec.vocabulary, embedding, name="embedding")(row)
    towers = [_tower(build, pairs, units, name) for name in TOWERS]
    x = build.dropout(layers.Multiply(name="agreement")(towers))
    return keras.Model(row, output_head(x, spec, build), name="two_tower")


def _tower(build: BuildingBlocks, pairs: Any, units: int, name: str) -> Any:
    x = layers.Cropping1D(TOWERS[name], name=name)(pairs)
    x = layers.Flatten(name=f"{name}_features")(x)
    x = build.dense(x, units, f"{name}_dense")
    return build.dense(x, units, f"{name}_out", activate=False)
