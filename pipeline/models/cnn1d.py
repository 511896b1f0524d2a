"""Convolutions along time: blocks of convolution, normalization and activation.

Max pooling halves the steps between blocks. Wang, Yan, Oates, Time Series
Classification from Scratch with Deep Neural Networks: A Strong Baseline, 2017.
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
from pipeline.tasks.registry import task_of

EMBEDDING = 32


@builder("cnn1d")
def cnn1d(hp: HyperParameters, spec: TaskSpec) -> keras.Model:
    """1D convolutions along time, halved by pooling between blocks.

    Args:
        hp: declares `filters` of the first block (16 .. 64; they double per block),
            `blocks` (1 .. 4) and the kernel `size` (3, 5 or 7 steps).
        spec: sequences, spectrograms, tokens or columns.

    Returns:
        Inputs `(batch, *spec.shape)` to logits `(batch, classes)`, or numbers.
    """
    needs = "sequences (steps, features), (frames, bins, 1), tokens or columns"
    require_input("cnn1d", spec, needs, is_sequence(spec))
    build = building_blocks(hp)
    filters = hp.Int("filters", 16, 64, step=16, default=32)
    blocks = build.scale_depth(hp.Int("blocks", 1, 4, default=3))
    size = hp.Choice("size", [3, 5, 7], default=5)
    inputs = input_layer(spec)
    x = as_sequence(inputs, spec, build.scale_width(EMBEDDING))
    for number in range(1, blocks + 1):
        width = build.scale_width(filters * 2 ** (number - 1))
        x = build.conv1d(x, width, size, f"conv{number}")
        if number < blocks and x.shape[1] > 1:
            x = layers.MaxPooling1D(name=f"pool{number}")(x)
    # A forecast depends on when something was, an average over time does not tell it.
    when = task_of(spec).output == "forecast"
    pool = layers.Flatten if when else layers.GlobalAveragePooling1D
    x = build.dropout(pool(name="pool")(x))
    return keras.Model(inputs, output_head(x, spec, build), name="cnn1d")
