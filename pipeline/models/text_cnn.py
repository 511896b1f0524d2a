"""Text CNN: convolutions over 3, 4 and 5 words, with max pooling over the text.

Kim, Convolutional Neural Networks for Sentence Classification, 2014, with padding
"same" in place of "valid", so that short texts have windows too.
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

WINDOWS = (3, 4, 5)


@builder("text_cnn")
def text_cnn(hp: HyperParameters, spec: TaskSpec) -> keras.Model:
    """Text CNN: windows of 3, 4 and 5 words, max-pooled over the text.

    Args:
        hp: declares the size of the `embedding` (16 .. 64) and `filters` per window
            (16 .. 64).
        spec: tokens `(length,)`.

    Returns:
        Tokens `(batch, length)` to logits `(batch, classes)`, or `(batch, 1)`.
    """
    needs = "tokens (length,) of a vocabulary"
    require_input("text_cnn", spec, needs, is_tokens(spec))
    build = building_blocks(hp, normalization="none", dropout=0.4)
    embedding = build.scale_width(hp.Int("embedding", 16, 64, step=16, default=32))
    filters = build.scale_width(hp.Int("filters", 16, 64, step=16, default=32))
    tokens = input_layer(spec)
    words = as_sequence(tokens, spec, embedding)
    pooled = []
    for size in WINDOWS:
        x = build.conv1d(words, filters, size, f"window{size}")
        pooled.append(layers.GlobalMaxPooling1D(name=f"strongest{size}")(x))
    x = build.dropout(layers.Concatenate(name="windows")(pooled))
    return keras.Model(tokens, output_head(x, spec, build), name="text_cnn")
