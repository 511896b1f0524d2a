"""The block of a Transformer, with places told by a convolution.

Vaswani et al., Attention Is All You Need, 2017, normalized before each part
(Xiong et al., 2020). Instead of adding an encoding of the place, a convolution of
three steps before the first block lets each step see its neighbours (Mohamed,
Okhonko, Zettlemoyer, Transformers with Convolutional Context for ASR, 2019): it
is a plain layer that every technique of compression and every converter knows.
"""

from __future__ import annotations

from typing import Any

from keras import layers

from pipeline.models.choices import Choices


def places(own: Choices, x: Any, width: int, causal: bool = False) -> Any:
    """Each step with its neighbours, or with the two before it."""
    padding = "causal" if causal else "same"
    return layers.Conv1D(width, 3, padding=padding, name="places", **own.weights())(x)


def block(own: Choices, x: Any, heads: int, name: str, causal: bool = False) -> Any:
    """Attention, then two dense layers, each added to what came in.

    Args:
        causal: a step may look at itself and at those before it only.
    """
    width = x.shape[-1]
    y = layers.LayerNormalization(name=f"{name}_norm1")(x)
    attention = layers.MultiHeadAttention(
        heads, max(1, width // heads), name=f"{name}_attention", **own.weights()
    )
    y = attention(y, y, use_causal_mask=causal)
    x = layers.Add(name=f"{name}_add1")([x, y])
    y = layers.LayerNormalization(name=f"{name}_norm2")(x)
    y = own.dense(y, 2 * width, f"{name}_wide")
    y = own.dense(y, width, f"{name}_narrow", activate=False)
    return layers.Add(name=f"{name}_add2")([x, y])
