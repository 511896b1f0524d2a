"""TCN: causal dilated convolutions along time, for models that run on a stream.

A step reads itself and earlier steps, never later ones; the mean over the steps of a
window, which a stream computes as a running mean, is what the output is computed from.
Bai, Kolter, Koltun, An Empirical Evaluation of Generic Convolutional and Recurrent
Networks for Sequence Modeling, 2018.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import keras
from keras import layers
from keras_tuner import HyperParameters

from pipeline.data.spec import TaskSpec
from pipeline.models.building_blocks import BuildingBlocks, building_blocks
from pipeline.models.input_output import (
    VECTORS,
    as_sequence,
    input_layer,
    is_sequence,
    output_head,
    require_input,
)
from pipeline.models.registry import builder
from pipeline.tasks.registry import task_of

EMBEDDING = 32


@builder("tcn")
def tcn(hp: HyperParameters, spec: TaskSpec) -> keras.Model:
    """Residual blocks of two causal convolutions; the dilation doubles per block.

    Args:
        hp: declares `filters` (16 .. 64), `blocks` (1 .. 5) and the kernel `size` (2, 3
            or 5 steps). The last step reads `size + 2 * (size - 1) * (2**blocks - 1)`
            steps.
        spec: sequences, spectrograms, tokens or columns.

    Returns:
        Inputs `(batch, *spec.shape)` to logits `(batch, classes)`, or numbers; for text
        generation to logits per step, `(batch, steps, vocabulary)`.
    """
    needs = "sequences (steps, features), (frames, bins, 1), tokens or columns"
    outputs = (*VECTORS, "logits_per_step")
    require_input("tcn", spec, needs, is_sequence(spec), outputs)
    build = building_blocks(hp)
    filters = build.scale_width(hp.Int("filters", 16, 64, step=16, default=32))
    blocks = build.scale_depth(hp.Int("blocks", 1, 5, default=3))
    size = hp.Choice("size", [2, 3, 5], default=3)
    inputs = input_layer(spec)
    x = as_sequence(inputs, spec, build.scale_width(EMBEDDING))
    x = build.conv1d(x, filters, size, "stem", "causal")
    for number in range(1, blocks + 1):
        x = _block(build, x, filters, size, number)
    if not task_of(spec).per_step:
        x = layers.GlobalAveragePooling1D(name="pool")(x)
    return keras.Model(inputs, output_head(build.dropout(x), spec, build), name="tcn")


def _block(build: BuildingBlocks, x: Any, filters: int, size: int, number: int) -> Any:
    """Add two causal convolutions to their input."""
    convolve = partial(
        build.conv1d,
        filters=filters,
        size=size,
        padding="causal",
        dilation=2 ** (number - 1),
    )
    name = f"block{number}"
    y = convolve(x, name=f"{name}_conv1")
    y = convolve(y, name=f"{name}_conv2", activate=False)
    return build.activate(layers.Add(name=f"{name}_add")([x, y]), f"{name}_act")
