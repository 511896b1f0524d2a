"""A small Transformer encoder, averaged over the steps.

Vaswani et al., Attention Is All You Need, 2017; for keywords: Berg, O'Connor,
Cruz, Keyword Transformer, 2021.
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
    is_sequence,
    output_head,
    require_input,
)
from pipeline.models.registry import builder
from pipeline.models.transformer import positional_convolution, transformer_block


@builder("attention")
def attention(hp: HyperParameters, spec: TaskSpec) -> keras.Model:
    """Transformer encoder with mean pooling over the steps.

    Args:
        hp: declares `heads` (1, 2 or 4), `units` (16 .. 64), `blocks` (1 .. 3).
        spec: sequences, spectrograms, tokens or columns.

    Returns:
        Inputs `(batch, *spec.shape)` to logits `(batch, classes)`, or numbers.
    """
    needs = "sequences (steps, features), (frames, bins, 1), tokens or columns"
    require_input("attention", spec, needs, is_sequence(spec))
    build = building_blocks(
        hp, activation="relu", initializer="glorot_uniform", normalization="none"
    )
    heads = hp.Choice("heads", [1, 2, 4], default=2)
    units = build.scale_width(hp.Int("units", 16, 64, step=16, default=32))
    blocks = build.scale_depth(hp.Int("blocks", 1, 3, default=2))
    inputs = input_layer(spec)
    x = positional_convolution(build, as_sequence(inputs, spec, units), units)
    for number in range(1, blocks + 1):
        x = transformer_block(build, x, heads, f"block{number}")
    x = layers.LayerNormalization(name="norm")(x)
    x = build.dropout(layers.GlobalAveragePooling1D(name="pool")(x))
    return keras.Model(inputs, output_head(x, spec, build), name="attention")
