"""Matrix factorization: a vector per user and per item, and their product as a score.

Koren, Bell, Volinsky, Matrix Factorization Techniques for Recommender Systems, 2009.
Where a model reads a history, the user's vector is the mean of vectors of its items
(Paterek, Improving Regularized Singular Value Decomposition for Collaborative
Filtering, 2007), so that new users have one too.
"""

from __future__ import annotations

import keras
from keras import layers
from keras_tuner import HyperParameters

from pipeline.data.spec import TaskSpec
from pipeline.models.building_blocks import building_blocks
from pipeline.models.input_output import (
    input_layer,
    is_tokens,
    output_head,
    require_input,
)
from pipeline.models.registry import builder


@builder("matrix_factorization")
def matrix_factorization(hp: HyperParameters, spec: TaskSpec) -> keras.Model:
    """Product of a user's vector with those of all items, and a bias per item.

    Args:
        hp: declares the size of the `embedding` (4 .. 128).
        spec: a user `(1,)`, or a history of items `(length,)`.

    Returns:
        Tokens `(batch, length)` to scores `(batch, items)`.
    """
    needs = "a user, or a history of items"
    require_input("matrix_factorization", spec, needs, is_tokens(spec), ["scores"])
    build = building_blocks(hp, normalization="none", dropout=0.0)
    size = build.scale_width(hp.Int("embedding", 4, 128, step=4, default=32))
    tokens = input_layer(spec)
    vectors = layers.Embedding(spec.vocabulary, size, name="embedding")(tokens)
    if spec.shape[0] == 1:
        x = layers.Flatten(name="user")(vectors)
    else:
        x = layers.GlobalAveragePooling1D(name="user")(vectors)
    scores = output_head(build.dropout(x), spec, build)
    return keras.Model(tokens, scores, name="matrix_factorization")
