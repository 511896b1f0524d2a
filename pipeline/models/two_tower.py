"""A recommender with two towers: the user's and the item's features, compared.

Covington, Adams, Sargin, Deep Neural Networks for YouTube Recommendations, 2016;
Yi et al., Sampling-Bias-Corrected Neural Modeling, 2019. For a ranking, the user's
tower reads the mean of the history and its last item, and the item's tower is a vector
per item, so that the scores of all items are one product. For pairs of a user and an
item, the last layer weights each feature of the elementwise product (He et al., Neural
Collaborative Filtering, 2017).
"""

from __future__ import annotations

from typing import Any

import keras
from keras import layers
from keras_tuner import HyperParameters

from pipeline.data.spec import TaskSpec
from pipeline.models.building_blocks import BuildingBlocks, building_blocks
from pipeline.models.input_output import (
    VECTORS,
    input_layer,
    is_tokens,
    output_head,
    require_input,
)
from pipeline.models.registry import builder
from pipeline.tasks.registry import task_of

TOWERS = {"user": (0, 1), "item": (1, 0)}  # steps cropped at the start and the end


@builder("two_tower")
def two_tower(hp: HyperParameters, spec: TaskSpec) -> keras.Model:
    """Two-tower recommender: dense towers for user and item, multiplied.

    Args:
        hp: declares the size of the `embedding` (8 .. 64) and `units` per tower
            (8 .. 64).
        spec: a ranking of a user `(1,)` or of a history of items `(length,)`; or pairs
            of numbers (user, item) of one vocabulary.

    Returns:
        Tokens `(batch, length)` to scores `(batch, items)`; or pairs `(batch, 2)` to
        logits `(batch, classes)`, or a rating `(batch, 1)`.
    """
    ranks = task_of(spec).ranks
    fits = is_tokens(spec) and (ranks or spec.shape == (2,))
    needs = "pairs (user, item) of a vocabulary, or a ranking"
    require_input("two_tower", spec, needs, fits, (*VECTORS, "scores"))
    build = building_blocks(hp, normalization="none", dropout=0.0)
    embedding = build.scale_width(hp.Int("embedding", 8, 64, step=8, default=16))
    units = build.scale_width(hp.Int("units", 8, 64, step=8, default=32))
    row = input_layer(spec)
    vectors = layers.Embedding(spec.vocabulary, embedding, name="embedding")(row)
    if ranks:
        x = build.dropout(_user(build, vectors, units))
    else:
        towers = [_tower(build, vectors, units, name) for name in TOWERS]
        x = build.dropout(layers.Multiply(name="agreement")(towers))
    return keras.Model(row, output_head(x, spec, build), name="two_tower")


def _user(build: BuildingBlocks, vectors: Any, units: int) -> Any:
    """The user's tower of a ranking, from vectors `(batch, length, features)`."""
    length = vectors.shape[1]
    x = (
        layers.Cropping1D((length - 1, 0), name="last")(vectors)
        if length > 1
        else vectors
    )
    x = layers.Flatten(name="last_features")(x)
    if length > 1:
        mean = layers.GlobalAveragePooling1D(name="mean")(vectors)
        x = layers.Concatenate(name="user")([mean, x])
    x = build.dense(x, units, "user_dense")
    return build.dense(x, units, "user_out", activate=False)


def _tower(build: BuildingBlocks, pairs: Any, units: int, name: str) -> Any:
    x = layers.Cropping1D(TOWERS[name], name=name)(pairs)
    x = layers.Flatten(name=f"{name}_features")(x)
    x = build.dense(x, units, f"{name}_dense")
    return build.dense(x, units, f"{name}_out", activate=False)
