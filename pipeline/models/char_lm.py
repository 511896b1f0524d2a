"""A small causal Transformer that predicts the next character and generates text.

Radford et al., Improving Language Understanding by Generative Pre-Training, 2018;
on characters: Al-Rfou et al., Character-Level Language Modeling with Deeper
Self-Attention, 2019.
"""

from __future__ import annotations

from collections.abc import Sequence

import keras
import numpy as np
from keras import layers
from keras_tuner import HyperParameters

from pipeline.data.spec import TaskSpec
from pipeline.models.building_blocks import building_blocks
from pipeline.models.input_output import (
    as_sequence,
    input_layer,
    is_tokens,
    require_input,
)
from pipeline.models.registry import builder
from pipeline.models.transformer import positional_convolution, transformer_block


@builder("char_lm")
def char_lm(hp: HyperParameters, spec: TaskSpec) -> keras.Model:
    """Causal Transformer that predicts the next token at each position.

    Args:
        hp: declares `heads` (1, 2 or 4), `units` (32 .. 128), `blocks` (1 .. 4).
        spec: tokens `(length,)`.

    Returns:
        Tokens `(batch, length)` to logits `(batch, length, vocabulary)`.
    """
    needs = "tokens (length,) of a vocabulary"
    require_input("char_lm", spec, needs, is_tokens(spec), ["logits_per_step"])
    build = building_blocks(hp, activation="gelu", normalization="none", dropout=0.1)
    heads = hp.Choice("heads", [1, 2, 4], default=2)
    units = build.scale_width(hp.Int("units", 32, 128, step=32, default=64))
    blocks = build.scale_depth(hp.Int("blocks", 1, 4, default=2))
    tokens = input_layer(spec)
    embedded = as_sequence(tokens, spec, units)
    x = positional_convolution(build, embedded, units, causal=True)
    for number in range(1, blocks + 1):
        x = transformer_block(build, x, heads, f"block{number}", causal=True)
    x = build.dropout(layers.LayerNormalization(name="norm")(x))
    x = layers.Dense(spec.vocabulary, name="logits")(x)
    return keras.Model(tokens, x, name="char_lm")


def generate(
    model: keras.Model,
    prompt: Sequence[int],
    count: int,
    seed: int,
    temperature: float = 1.0,
) -> list[int]:
    """Continue a prompt, one token at a time.

    Args:
        model: maps tokens `(batch, length)` to logits `(batch, length, vocabulary)`.
        prompt: at least one token; the model reads the last `length` of the text.
        count: number of tokens to add.
        seed: of the draws.
        temperature: divides the logits; 0 takes the likeliest token.

    Returns:
        The prompt followed by `count` tokens.
    """
    generator = np.random.default_rng(seed)
    length = model.input_shape[1]
    text = list(prompt)
    for _ in range(count):
        context = text[-length:]
        window = np.zeros((1, length), np.int32)
        window[0, : len(context)] = context
        logits = np.asarray(model(window, training=False))[0, len(context) - 1]
        text.append(_draw_token(logits, temperature, generator))
    return text


def _draw_token(
    logits: np.ndarray, temperature: float, generator: np.random.Generator
) -> int:
    if temperature == 0:
        return int(logits.argmax())
    scaled = (logits - logits.max()) / temperature
    odds = np.exp(scaled, dtype=np.float64)
    return int(generator.choice(len(logits), p=odds / odds.sum()))
