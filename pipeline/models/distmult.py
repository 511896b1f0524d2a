"""DistMult: the product of head, relation and tail, summed over their features.

Yang et al., Embedding Entities and Relations for Learning and Inference in Knowledge
Bases, 2015. Entities have one vector as a head and another as a tail, and relations are
also read backwards, which removes the symmetry of the original (Lacroix, Usunier,
Obozinski, Canonical Tensor Decomposition for Knowledge Base Completion, 2018).
"""

from __future__ import annotations

from typing import Any

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

PLACES = {"head": (0, 1), "relation": (1, 0)}  # steps cropped at the start and the end


@builder("distmult")
def distmult(hp: HyperParameters, spec: TaskSpec) -> keras.Model:
    """Score tails by the product of the vectors of head and relation with theirs.

    Args:
        hp: declares the size of the `embedding` (8 .. 256).
        spec: a head and a relation `(2,)`, to rank the tails.

    Returns:
        Tokens `(batch, 2)` to scores `(batch, entities)`.
    """
    require_pair("distmult", spec)
    build = building_blocks(hp, normalization="none", dropout=0.0)
    size = build.scale_width(hp.Int("embedding", 8, 256, step=8, default=64))
    row = input_layer(spec)
    x = layers.Multiply(name="product")(vectors_of(row, spec, size))
    scores = output_head(build.dropout(x), spec, build)
    return keras.Model(row, scores, name="distmult")


def require_pair(family: str, spec: TaskSpec) -> None:
    """Refuse data that are no head and relation.

    Args:
        family: name of the builder.
        spec: signature of the data.

    Raises:
        ModelError: names what the family needs.
    """
    fits = is_tokens(spec) and spec.shape == (2,)
    require_input(family, spec, "a head and a relation of a graph", fits, ["scores"])


def vectors_of(row: Any, spec: TaskSpec, size: int) -> list[Any]:
    """Return the vectors of head and relation, each `(batch, size)`.

    Args:
        row: the input layer's tensor, `(batch, 2)`.
        spec: signature of the data.
        size: features per vector.
    """
    pairs = layers.Embedding(spec.vocabulary, size, name="embedding")(row)
    return [
        layers.Flatten(name=f"{name}_features")(
            layers.Cropping1D(place, name=name)(pairs)
        )
        for name, place in PLACES.items()
    ]
