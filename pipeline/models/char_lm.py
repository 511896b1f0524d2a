"""A small Transformer that predicts the next letter, and so writes text.

Radford et al., Improving Language Understanding by Generative Pre-Training, 2018;
on letters: Al-Rfou et al., Character-Level Language Modeling with Deeper
Self-Attention, 2019.
"""

from __future__ import annotations

from collections.abc import Sequence

import keras
import numpy as np
from keras import layers
from keras_tuner import HyperParameters

from pipeline.data.spec import TaskSpec
from pipeline.models.choices import choose
from pipeline.models.ends import entrance, is_tokens, require, steps
from pipeline.models.registry import builder
from pipeline.models.transformer import block, places


@builder("char_lm")
def char_lm(hp: HyperParameters, spec: TaskSpec) -> keras.Model:
    """Tokens `(length,)` to logits of each one's successor, `(length, vocabulary)`."""
    needs = "tokens (length,) of a vocabulary"
    require("char_lm", spec, needs, is_tokens(spec), ["logits_per_step"])
    own = choose(hp, activation="gelu", normalization="none", dropout=0.1)
    heads = hp.Choice("heads", [1, 2, 4], default=2)
    units = own.wide(hp.Int("units", 32, 128, step=32, default=64))
    blocks = own.deep(hp.Int("blocks", 1, 4, default=2))
    tokens = entrance(spec)
    x = places(own, steps(tokens, spec, units), units, causal=True)
    for number in range(1, blocks + 1):
        x = block(own, x, heads, f"block{number}", causal=True)
    x = own.drop(layers.LayerNormalization(name="norm")(x))
    x = layers.Dense(spec.vocabulary, name="logits")(x)
    return keras.Model(tokens, x, name="char_lm")


def generate(
    model: keras.Model,
    prompt: Sequence[int],
    count: int,
    seed: int,
    temperature: float = 1.0,
) -> list[int]:
    """Continue a prompt.

    Args:
        prompt: at least one token.
        count: how many tokens to add.
        temperature: 0 takes the likeliest token; 1 draws as the model says.

    Returns:
        The prompt and the tokens that follow it.
    """
    generator = np.random.default_rng(seed)
    length = model.input_shape[1]
    text = list(prompt)
    for _ in range(count):
        seen = text[-length:]
        window = np.zeros((1, length), np.int32)
        window[0, : len(seen)] = seen
        logits = np.asarray(model(window, training=False))[0, len(seen) - 1]
        text.append(_draw(logits, temperature, generator))
    return text


def _draw(logits: np.ndarray, temperature: float, generator: np.random.Generator):
    if temperature == 0:
        return int(logits.argmax())
    scaled = (logits - logits.max()) / temperature
    chances = np.exp(scaled, dtype=np.float64)
    return int(generator.choice(len(logits), p=chances / chances.sum()))
