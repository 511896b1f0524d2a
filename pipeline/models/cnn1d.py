"""Convolutions along time: blocks of conv, norm, activation, halved by pooling.

Wang, Yan, Oates, Time Series Classification from Scratch with Deep Neural
Networks: A Strong Baseline, 2017.
"""

from __future__ import annotations

import keras
from keras import layers
from keras_tuner import HyperParameters

from pipeline.data.spec import TaskSpec
from pipeline.models.choices import choose
from pipeline.models.ends import answer, entrance, is_sequence, require, steps
from pipeline.models.registry import builder

EMBEDDING = 32


@builder("cnn1d")
def cnn1d(hp: HyperParameters, spec: TaskSpec) -> keras.Model:
    """Sequences, spectrograms, tokens or columns to logits, or to one number."""
    needs = "sequences (steps, features), (frames, bins, 1), tokens or columns"
    require("cnn1d", spec, needs, is_sequence(spec))
    own = choose(hp)
    filters = hp.Int("filters", 16, 64, step=16, default=32)
    blocks = own.deep(hp.Int("blocks", 1, 4, default=3))
    size = hp.Choice("size", [3, 5, 7], default=5)
    given = entrance(spec)
    x = steps(given, spec, own.wide(EMBEDDING))
    for number in range(1, blocks + 1):
        x = own.conv1d(x, own.wide(filters * 2 ** (number - 1)), size, f"conv{number}")
        if number < blocks and x.shape[1] > 1:
            x = layers.MaxPooling1D(name=f"pool{number}")(x)
    x = own.drop(layers.GlobalAveragePooling1D(name="pool")(x))
    return keras.Model(given, answer(x, spec, own), name="cnn1d")
