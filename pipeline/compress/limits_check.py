"""Limits of the budget that a model cannot keep, found before any fine-tuning.

In: the variants, the budget, the target and the models' files. Out: one sentence per
model and limit.

Every technique but `prune_channels` keeps the shapes of a model. So the activations of
the model, and the bytes that its weights take at least, are lower bounds for its files.
The variants are built all the same: the frontier shows what another limit would allow.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pipeline.compress.inspection.keras_file import inspect_keras
from pipeline.compress.params import CompressParams
from pipeline.compress.targets import registry
from pipeline.compress.variant import BuildContext, Variant
from pipeline.core.errors import UserError
from pipeline.core.wording import quantity

REMOVES = "prune_channels"  # the technique that removes weights and activations
FOLDED = ("BatchNormalization", "Normalization")  # into the weights of other layers
WEIGHT_BYTES = {"float": 4, "float16": 2, "int4": 0.5}  # 1 in other exports
ACTIVATION_BYTES = {"int8": 1, "int16x8": 2}  # 4 in other exports
FEWEST_BITS = 1 / 8  # bytes of a weight in a lookup table of the target micro


def unreachable(
    variants: Sequence[Variant], context: BuildContext, params: CompressParams
) -> list[str]:
    """Find limits that a model exceeds in the files of its recipes.

    Args:
        variants: all variants.
        context: the models.
        params: budget, target and sources.

    Returns:
        Sentences for warnings; empty where every limit may be kept.
    """
    return [
        sentence
        for source in params.sources
        if source in context.models
        for sentence in _of_model(
            source,
            context.models[source],
            [v for v in variants if v.source == source and not _removes(v)],
            params,
        )
    ]


def _removes(variant: Variant) -> bool:
    return any(step.name == REMOVES for step in variant.recipe.techniques)


def _of_model(
    source: str, path: Path, variants: Sequence[Variant], params: CompressParams
) -> Iterator[str]:
    try:
        facts = inspect_keras(path)
    except UserError:  # building the variants says what is wrong with it
        return
    budget = params.budget
    weights, activations = _weights(facts), facts["arena_int8"] or 0
    arenas = [activations * _activation_bytes(v.recipe.export) for v in variants]
    if phrase := _phrase(arenas, budget.max_arena):
        yield (
            f"compress.budget.max_arena {budget.max_arena:,}: activations of the "
            f"{source} take {phrase}"
        )
    sizes = [weights * _weight_bytes(v.recipe.export, params) for v in variants]
    if phrase := _phrase(sizes, budget.max_bytes):
        yield (
            f"compress.budget.max_bytes {budget.max_bytes:,}: the {weights:,} weights "
            f"of the {source} take {phrase}"
        )


def _phrase(bounds: Sequence[float], limit: int | None) -> str:
    """The smallest bound, and how many files exceed the limit; empty for none."""
    above = [bound for bound in bounds if limit and bound > limit]
    if not above:
        return ""
    files = f"{quantity(len(above), 'file')} without {REMOVES}"
    return (
        f"at least {round(min(above)):,} bytes in {files}, which cannot be chosen; "
        f"allow more, or use {REMOVES} or a smaller model"
    )


def _weights(facts: dict[str, Any]) -> int:
    """Weights that every file of a model stores."""
    rows = (row for row in facts["layers"] if row["kind"] not in FOLDED)
    return sum(row["parameters"] or 0 for row in rows)


def _activation_bytes(export: str) -> int:
    return ACTIVATION_BYTES.get(export, 4)


def _weight_bytes(export: str, params: CompressParams) -> float:
    """The fewest bytes of a weight; 0 where a compressor decides."""
    metric, target = params.budget.size_metric, params.target
    if metric == "gzip" or (metric == "flash" and target not in ("micro", "lite")):
        return 0
    if metric == "flash" and target != registry.DEFAULT and export == "int8":
        return FEWEST_BITS
    return WEIGHT_BYTES.get(export, 1)
