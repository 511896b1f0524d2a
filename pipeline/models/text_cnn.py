"""Words in windows: convolutions of 3, 4 and 5 words, the strongest of each kept.

Kim, Convolutional Neural Networks for Sentence Classification, 2014.
"""

from __future__ import annotations

import keras
from keras import layers
from keras_tuner import HyperParameters

from pipeline.data.spec import TaskSpec
from pipeline.models.choices import choose
from pipeline.models.ends import answer, entrance, is_tokens, require, steps
from pipeline.models.registry import builder

WINDOWS = (3, 4, 5)


@builder("text_cnn")
def text_cnn(hp: HyperParameters, spec: TaskSpec) -> keras.Model:
    """Tokens `(length,)` to logits, or to one number."""
    require("text_cnn", spec, "tokens (length,) of a vocabulary", is_tokens(spec))
    own = choose(hp, normalization="none", dropout=0.4)
    embedding = own.wide(hp.Int("embedding", 16, 64, step=16, default=32))
    filters = own.wide(hp.Int("filters", 16, 64, step=16, default=32))
    tokens = entrance(spec)
    words = steps(tokens, spec, embedding)
    strongest = []
    for size in WINDOWS:
        x = own.conv1d(words, filters, size, f"window{size}")
        strongest.append(layers.GlobalMaxPooling1D(name=f"strongest{size}")(x))
    x = own.drop(layers.Concatenate(name="windows")(strongest))
    return keras.Model(tokens, answer(x, spec, own), name="text_cnn")
