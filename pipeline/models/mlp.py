"""A multilayer perceptron.

Rumelhart, Hinton, Williams, Learning Representations by Back-Propagating Errors,
1986. Its default for 28x28 images and ten classes is 784-64-64-10.
"""

from __future__ import annotations

import keras
from keras import layers
from keras_tuner import HyperParameters

from pipeline.data.spec import TaskSpec
from pipeline.models.building_blocks import building_blocks
from pipeline.models.input_output import input_layer, output_head, require_input
from pipeline.models.registry import builder
from pipeline.tasks.registry import task_of


@builder("mlp")
def mlp(hp: HyperParameters, spec: TaskSpec) -> keras.Model:
    """Multilayer perceptron on flattened pixels or columns.

    Args:
        hp: declares `units` (32 .. 128) and `layers` (1 .. 4).
        spec: numbers of any shape.

    Returns:
        Inputs `(batch, *spec.shape)` to logits `(batch, classes)`, or numbers.
    """
    require_input("mlp", spec, "numbers of any shape, no tokens", not spec.vocabulary)
    # Action values that depend on dropout's draws are no targets for each other.
    dropout = 0.0 if task_of(spec).interactive else 0.2
    build = building_blocks(hp, normalization="none", dropout=dropout)
    units = hp.Int("units", 32, 128, step=32, default=64)
    count = hp.Int("layers", 1, 4, default=2)
    x = features = input_layer(spec)
    if len(spec.shape) > 1:
        x = layers.Flatten(name="flatten")(x)
    for number in range(1, build.scale_depth(count) + 1):
        x = build.dense(x, build.scale_width(units), f"dense{number}")
    x = build.dropout(x)
    return keras.Model(features, output_head(x, spec, build), name="mlp")
