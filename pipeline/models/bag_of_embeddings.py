"""The mean of the words' embeddings, and one dense layer: fastText.

Joulin, Grave, Bojanowski, Mikolov, Bag of Tricks for Efficient Text
Classification, 2016. Padding has an embedding as every token has: a mean over the
words alone would be 0 / 0 for a text without any.
"""

from __future__ import annotations

import keras
from keras import layers
from keras_tuner import HyperParameters

from pipeline.data.spec import TaskSpec
from pipeline.models.choices import choose
from pipeline.models.ends import answer, entrance, is_tokens, require, steps
from pipeline.models.registry import builder


@builder("bag_of_embeddings")
def bag_of_embeddings(hp: HyperParameters, spec: TaskSpec) -> keras.Model:
    """Tokens `(length,)` to logits, or to one number."""
    needs = "tokens (length,) of a vocabulary"
    require("bag_of_embeddings", spec, needs, is_tokens(spec))
    own = choose(hp, normalization="none")
    units = own.wide(hp.Int("embedding", 8, 64, step=8, default=16))
    tokens = entrance(spec)
    words = steps(tokens, spec, units)
    x = own.drop(layers.GlobalAveragePooling1D(name="mean")(words))
    return keras.Model(tokens, answer(x, spec, own), name="bag_of_embeddings")
