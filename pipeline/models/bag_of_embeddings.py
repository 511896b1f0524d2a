"""The mean of the token embeddings and one dense layer: fastText.

Joulin, Grave, Bojanowski, Mikolov, Bag of Tricks for Efficient Text
Classification, 2016. The mean includes padding, which has an embedding like any
other token: a mean over the words alone would be 0 / 0 for an empty text.
"""

from __future__ import annotations

import keras
from keras import layers
from keras_tuner import HyperParameters

from pipeline.data.spec import TaskSpec
from pipeline.models.building_blocks import building_blocks
from pipeline.models.input_output import (
    as_sequence,
    input_layer,
    is_tokens,
    output_head,
    require_input,
)
from pipeline.models.registry import builder


@builder("bag_of_embeddings")
def bag_of_embeddings(hp: HyperParameters, spec: TaskSpec) -> keras.Model:
    """Mean of token embeddings and a dense layer, as in fastText.

    Args:
        hp: declares the size of the `embedding` (8 .. 64).
        spec: tokens `(length,)`.

    Returns:
        Tokens `(batch, length)` to logits `(batch, classes)`, or `(batch, 1)`.
    """
    needs = "tokens (length,) of a vocabulary"
    require_input("bag_of_embeddings", spec, needs, is_tokens(spec))
    build = building_blocks(hp, normalization="none")
    units = build.scale_width(hp.Int("embedding", 8, 64, step=8, default=16))
    tokens = input_layer(spec)
    words = as_sequence(tokens, spec, units)
    x = build.dropout(layers.GlobalAveragePooling1D(name="mean")(words))
    return keras.Model(tokens, output_head(x, spec, build), name="bag_of_embeddings")
