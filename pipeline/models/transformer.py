"""The Transformer block, with positions from a convolution.

Vaswani et al., Attention Is All You Need, 2017, with normalization before each
sublayer (Xiong et al., 2020). In place of a positional encoding, a convolution over
three steps before the first block lets each step see its neighbors (Mohamed,
Okhonko, Zettlemoyer, Transformers with Convolutional Context for ASR, 2019): a plain
layer that every compression technique and every converter supports.
"""

from __future__ import annotations

from typing import Any

from keras import layers

from pipeline.models.building_blocks import BuildingBlocks


def positional_convolution(
    build: BuildingBlocks, x: Any, width: int, causal: bool = False
) -> Any:
    """Mix each step with its neighbors, in place of a positional encoding.

    Args:
        build: the shared hyperparameters.
        x: `(batch, steps, features)`.
        width: output features.
        causal: read two steps back in place of one back and one ahead.

    Returns:
        `(batch, steps, width)`.
    """
    padding = "causal" if causal else "same"
    options = build.kernel_options()
    return layers.Conv1D(width, 3, padding=padding, name="places", **options)(x)


def transformer_block(
    build: BuildingBlocks, x: Any, heads: int, name: str, causal: bool = False
) -> Any:
    """Apply self-attention, then two dense layers, each with a residual connection.

    Args:
        build: the shared hyperparameters.
        x: `(batch, steps, width)`.
        heads: number of attention heads, each of `width // heads` features.
        name: prefix of the layers' names.
        causal: let a step attend to itself and earlier steps only.

    Returns:
        `(batch, steps, width)`.
    """
    width = x.shape[-1]
    y = layers.LayerNormalization(name=f"{name}_norm1")(x)
    options = build.kernel_options()
    attention = layers.MultiHeadAttention(
        heads, max(1, width // heads), name=f"{name}_attention", **options
    )
    y = attention(y, y, use_causal_mask=causal)
    x = layers.Add(name=f"{name}_add1")([x, y])
    y = layers.LayerNormalization(name=f"{name}_norm2")(x)
    y = build.dense(y, 2 * width, f"{name}_wide")
    y = build.dense(y, width, f"{name}_narrow", activate=False)
    return layers.Add(name=f"{name}_add2")([x, y])
