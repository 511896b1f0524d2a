"""A small Transformer encoder, averaged over the steps.

Vaswani et al., Attention Is All You Need, 2017; for keywords: Berg, O'Connor,
Cruz, Keyword Transformer, 2021.
"""

from __future__ import annotations

import keras
from keras import layers
from keras_tuner import HyperParameters

from pipeline.data.spec import TaskSpec
from pipeline.models.choices import choose
from pipeline.models.ends import answer, entrance, is_sequence, require, steps
from pipeline.models.registry import builder
from pipeline.models.transformer import block, places


@builder("attention")
def attention(hp: HyperParameters, spec: TaskSpec) -> keras.Model:
    """Sequences, spectrograms, tokens or columns to logits, or to one number."""
    needs = "sequences (steps, features), (frames, bins, 1), tokens or columns"
    require("attention", spec, needs, is_sequence(spec))
    own = choose(
        hp, activation="relu", initializer="glorot_uniform", normalization="none"
    )
    heads = hp.Choice("heads", [1, 2, 4], default=2)
    units = own.wide(hp.Int("units", 16, 64, step=16, default=32))
    blocks = own.deep(hp.Int("blocks", 1, 3, default=2))
    given = entrance(spec)
    x = places(own, steps(given, spec, units), units)
    for number in range(1, blocks + 1):
        x = block(own, x, heads, f"block{number}")
    x = layers.LayerNormalization(name="norm")(x)
    x = own.drop(layers.GlobalAveragePooling1D(name="pool")(x))
    return keras.Model(given, answer(x, spec, own), name="attention")
