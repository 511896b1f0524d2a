"""Rewrite a Keras 3 model for a recipe: remove channels, fold layers."""

from __future__ import annotations

from typing import Any

import keras

from pipeline.compress.grammar import AWARE, TIES, Recipe
from pipeline.compress.rewrite.channel_pruning import prune_channels
from pipeline.compress.rewrite.fold import (
    fold_batch_norms,
    fold_input_normalizations,
    fuse_relu,
    neutralize_constant_channels,
)
from pipeline.compress.tflite.verify import INTEGER_IO
from pipeline.compress.tfmot.bridge import check_same_outputs
from pipeline.core.errors import UserError


def prepared(source: keras.Model, recipe: Recipe) -> tuple[keras.Model, list[str]]:
    """Rewrite the Keras 3 model: remove channels, fold layers.

    Args:
        source: functional or Sequential; it is not changed.
        recipe: its steps decide what is rewritten.

    Returns:
        The model, and `technique: layer (Class)` of unsupported layers.
    """
    left_out: list[str] = []
    names = {step.name for step in recipe.techniques}
    if names or recipe.export != "float":  # a mere float file is the unchanged model
        source, left_out = _input_normalized(source, recipe.export)
    if "prune_channels" in names:
        arguments: Any = recipe.techniques[0].args
        source, kept_whole = prune_channels(source, arguments["fraction"])
        left_out += [f"prune_channels: {layer}" for layer in kept_whole]
    for needed, rewrite in ((TIES, fold_batch_norms), (AWARE, fuse_relu)):
        if names & set(needed):
            rewritten = rewrite(source)
            check_same_outputs(source, rewritten)
            source = rewritten
    return source, left_out


def _input_normalized(source: keras.Model, kind: str) -> tuple[keras.Model, list[str]]:
    """Rewrite Normalizations so that an export can represent them.

    Folding is not exact where a mean is many standard deviations away from zero: the
    bias would drown in rounding.
    """
    layers = source._flatten_layers()
    if all(type(layer).__name__ != "Normalization" for layer in layers):
        return source, []
    neutral, lines = neutralize_constant_channels(source)
    if lines and not _same_outputs(source, neutral):
        neutral = source
        lines = [f"{line}, kept because outputs would change" for line in lines]
    folded = fold_input_normalizations(neutral) if kind in INTEGER_IO else neutral
    model = folded if _same_outputs(source, folded) else neutral
    return model, [f"{kind}: {line}" for line in lines]


def _same_outputs(source: keras.Model, other: keras.Model) -> bool:
    try:
        check_same_outputs(source, other)
    except UserError:
        return False
    return True
