"""A convolutional encoder-decoder with attention, for short pairs of texts.

Gehring et al., Convolutional Sequence to Sequence Learning, 2017: convolutions read
the input, causal convolutions read the output so far, and each block of the decoder
attends to the input (attention: Vaswani et al., Attention Is All You Need, 2017).
Nothing is recurrent, so that training computes all steps at once, and all layers are
plain ones that every converter supports. Padding is visible to the convolutions, which
tells them how far the ends are; there is no other encoding of positions.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import layers
from keras_tuner import HyperParameters

from pipeline.data.spec import TaskSpec
from pipeline.models.building_blocks import BuildingBlocks, building_blocks
from pipeline.models.input_output import input_layer, is_tokens, require_input
from pipeline.models.registry import builder
from pipeline.tasks.registry import task_of

KERNEL = 5  # steps that a convolution reads


@builder("conv_seq2seq")
def conv_seq2seq(hp: HyperParameters, spec: TaskSpec) -> keras.Model:
    """Convolutional encoder and causal convolutional decoder, joined by attention.

    Args:
        hp: declares `heads` (1, 2 or 4), `units` (16 .. 128), and the `blocks` of
            encoder and decoder (1 .. 4).
        spec: rows of an input text, and of the output so far, see
            `pipeline.tasks.pair_tokens`.

    Returns:
        Rows `(batch, length + steps + 1)` to logits `(batch, steps, vocabulary)`.
    """
    needs = "pairs of texts"
    require_input("conv_seq2seq", spec, needs, is_tokens(spec), ["logits_per_target"])
    build = building_blocks(hp, normalization="batch", dropout=0.0)
    heads = hp.Choice("heads", [1, 2, 4], default=2)
    units = build.scale_width(hp.Int("units", 16, 128, step=16, default=64))
    blocks = build.scale_depth(hp.Int("blocks", 1, 4, default=2))
    steps, vocabulary = task_of(spec).output_shape(spec)
    length = spec.shape[0] - steps - 1
    rows = input_layer(spec)
    embedded = layers.Embedding(vocabulary, units, name="embedding")(rows)
    source = layers.Cropping1D((0, steps + 1), name="source")(embedded)
    prefix = layers.Cropping1D((length, 1), name="prefix")(embedded)
    for number in range(1, blocks + 1):
        source = _convolve(build, source, f"encoder{number}", "same")
    x = prefix
    for number in range(1, blocks + 1):
        name = f"decoder{number}"
        x = _convolve(build, x, name, "causal")
        x = _attend(build, x, source, heads, name)
    x = build.dense(x, 2 * units, "wide")
    x = build.dropout(x)
    x = layers.Dense(vocabulary, name="logits")(x)
    return keras.Model(rows, x, name="conv_seq2seq")


def _convolve(build: BuildingBlocks, x: Any, name: str, padding: str) -> Any:
    """Add what a convolution reads in the neighborhood of each step."""
    y = build.conv1d(x, x.shape[-1], KERNEL, f"{name}_conv", padding)
    return layers.Add(name=f"{name}_add")([x, y])


def _attend(build: BuildingBlocks, x: Any, source: Any, heads: int, name: str) -> Any:
    """Add what each step finds in the input."""
    width = x.shape[-1]
    attention = layers.MultiHeadAttention(
        heads, max(1, width // heads), name=f"{name}_attention"
    )
    return layers.Add(name=f"{name}_attended")([x, attention(x, source)])
