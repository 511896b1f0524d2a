"""TransE: a relation is a step from the head, and the nearest entity is the tail.

Bordes et al., Translating Embeddings for Modeling Multi-relational Data, 2013. As in
the paper, entities as tails have vectors of length 1, so that the nearest one has the
largest product with head plus relation: the score. Entities have another vector as a
head, and relations are also read backwards.
"""

from __future__ import annotations

import keras
from keras import layers
from keras_tuner import HyperParameters

from pipeline.data.spec import TaskSpec
from pipeline.models.building_blocks import building_blocks
from pipeline.models.distmult import require_pair, vectors_of
from pipeline.models.input_output import input_layer
from pipeline.models.registry import builder
from pipeline.tasks.registry import task_of


@builder("transe")
def transe(hp: HyperParameters, spec: TaskSpec) -> keras.Model:
    """Score tails by their distance from head plus relation.

    Args:
        hp: declares the size of the `embedding` (8 .. 256).
        spec: a head and a relation `(2,)`, to rank the tails.

    Returns:
        Tokens `(batch, 2)` to scores `(batch, entities)`.
    """
    require_pair("transe", spec)
    build = building_blocks(hp, normalization="none", dropout=0.0)
    size = build.scale_width(hp.Int("embedding", 8, 256, step=8, default=64))
    row = input_layer(spec)
    x = build.dropout(layers.Add(name="translation")(vectors_of(row, spec, size)))
    task = task_of(spec)
    (entities,) = task.output_shape(spec)
    scores = layers.Dense(
        entities,
        use_bias=False,
        kernel_constraint=keras.constraints.UnitNorm(axis=0),
        name=task.output_name,
    )(x)
    return keras.Model(row, scores, name="transe")
