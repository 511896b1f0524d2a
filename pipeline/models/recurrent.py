"""Stacked recurrent networks, unidirectional or bidirectional: `rnn`, `lstm`, `gru`.

Elman, Finding Structure in Time, 1990; Hochreiter, Schmidhuber, Long Short-Term
Memory, 1997; Cho et al., Learning Phrase Representations using RNN
Encoder-Decoder, 2014; bidirectional: Schuster, Paliwal, 1997. The shared choices
`initializer` and `l2` apply to the input kernels; recurrent kernels keep Keras's
orthogonal initializer and no regularizer.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import layers
from keras_tuner import HyperParameters

from pipeline.data.spec import TaskSpec
from pipeline.models.building_blocks import BuildingBlocks, building_blocks
from pipeline.models.errors import ModelError
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


@builder("rnn")
def rnn(hp: HyperParameters, spec: TaskSpec) -> keras.Model:
    """Stack of simple (Elman) recurrent layers.

    Args:
        hp: declares `units` (16 .. 64), `layers` (1 .. 3) and `bidirectional`.
        spec: sequences, spectrograms, tokens or columns.

    Returns:
        Inputs `(batch, *spec.shape)` to logits `(batch, classes)`, or numbers; for text
        generation to logits per step, `(batch, steps, vocabulary)`.
    """
    return _recurrent("rnn", layers.SimpleRNN, hp, spec)


@builder("lstm")
def lstm(hp: HyperParameters, spec: TaskSpec) -> keras.Model:
    """Stack of long short-term memory (LSTM) layers.

    Args:
        hp: declares `units` (16 .. 64), `layers` (1 .. 3) and `bidirectional`.
        spec: sequences, spectrograms, tokens or columns.

    Returns:
        Inputs `(batch, *spec.shape)` to logits `(batch, classes)`, or numbers; for text
        generation to logits per step, `(batch, steps, vocabulary)`.
    """
    return _recurrent("lstm", layers.LSTM, hp, spec)


@builder("gru")
def gru(hp: HyperParameters, spec: TaskSpec) -> keras.Model:
    """Stack of gated recurrent unit (GRU) layers.

    Args:
        hp: declares `units` (16 .. 64), `layers` (1 .. 3) and `bidirectional`.
        spec: sequences, spectrograms, tokens or columns.

    Returns:
        Inputs `(batch, *spec.shape)` to logits `(batch, classes)`, or numbers; for text
        generation to logits per step, `(batch, steps, vocabulary)`.
    """
    return _recurrent("gru", layers.GRU, hp, spec)


def _recurrent(
    name: str, cell: type[layers.Layer], hp: HyperParameters, spec: TaskSpec
) -> keras.Model:
    needs = "sequences (steps, features), (frames, bins, 1), tokens or columns"
    outputs = (*VECTORS, "logits_per_step")
    require_input(name, spec, needs, is_sequence(spec), outputs)
    per_step = task_of(spec).per_step
    build = building_blocks(
        hp, activation="tanh", initializer="glorot_uniform", normalization="none"
    )
    units = build.scale_width(hp.Int("units", 16, 64, step=16, default=32))
    count = build.scale_depth(hp.Int("layers", 1, 3, default=1))
    bidirectional = hp.Boolean("bidirectional", default=False)
    if per_step and bidirectional:
        raise ModelError(
            f"values.bidirectional: {name} would read the tokens that {spec.source} "
            "asks it to predict; set it to false"
        )
    inputs = input_layer(spec)
    x = as_sequence(inputs, spec, build.scale_width(EMBEDDING))
    for number in range(1, count + 1):
        layer = cell(
            units,
            activation=build.activation,
            return_sequences=per_step or number < count,
            name=f"{name}{number}",
            **build.kernel_options(),
        )
        x = _apply(build, x, layer, bidirectional)
    return keras.Model(inputs, output_head(build.dropout(x), spec, build), name=name)


def _apply(
    build: BuildingBlocks, x: Any, layer: layers.Layer, bidirectional: bool
) -> Any:
    """Apply a recurrent layer, bidirectional or not, then normalize."""
    name = layer.name
    if bidirectional:
        layer = layers.Bidirectional(layer, name=f"{name}_both")
    return build.normalize(layer(x), f"{name}_norm")
