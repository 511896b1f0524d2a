"""Try adjustments of post-training quantization, each as a variant.

In: a variant, and what variants are built from. Out: the metric on validation and the
size with each adjustment, and how much of the loss it recovers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from pipeline.compress.adjust.graph import LINEAR
from pipeline.compress.build_variant import build_variant
from pipeline.compress.debug.layer_errors import LayerError
from pipeline.compress.grammar import parse_recipe
from pipeline.compress.selection.point import VariantRow
from pipeline.compress.variant import BuildContext, Variant
from pipeline.core.errors import UserError

RECOVERED = 0.9  # of the loss; such a remedy is recommended
MORE_BYTES = 1.1  # times the size, at most, of a recommended remedy
ADJUSTMENTS = (
    "equalize",
    "equalize(activations)",
    "correct_bias",
    "equalize | correct_bias",
    "equalize(activations) | correct_bias",
    "calibrate_percentile(99.9)",
    "calibrate_mse",
)
PER_LAYER = ("int16_activations({})", "keep_float({})")


@dataclass(frozen=True)
class Remedy:
    """One adjustment that was tried.

    Args:
        recipe: the variant's recipe with it.
        value: metric on validation; None where it was not possible.
        recovered: fraction of the loss that it recovers; None without a loss.
        bytes_raw: size of the file in bytes; None without a file.
        bytes_change: relative change of the size, such as 0.1; None without a file.
        recommended: True when it recovers 90 % of the loss at 10 % more bytes or less.
        reason: why it was not possible; empty if it was.
    """

    recipe: str
    value: float | None
    recovered: float | None
    bytes_raw: int | None
    bytes_change: float | None
    recommended: bool
    reason: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object."""
        return asdict(self)


def candidates(variant: Variant, layers: Sequence[LayerError]) -> Iterator[Variant]:
    """List the variant's recipe with each adjustment that can be added.

    Args:
        variant: an int8 variant.
        layers: errors of its layers, the largest first.
    """
    worst = next((row.layer for row in layers if row.operator in LINEAR), None)
    texts = [*ADJUSTMENTS, *(text.format(worst) for text in PER_LAYER if worst)]
    before = " | ".join(map(str, variant.recipe.adjustments))
    for text in texts:
        steps = [text, before] if text.startswith("equalize") else [before, text]
        try:
            recipe = parse_recipe(" | ".join([*filter(None, steps), "int8"]))
        except UserError:  # it is in the recipe already, or excluded by it
            continue
        yield replace(variant, recipe=recipe)


def try_all(
    variants: Sequence[Variant],
    context: BuildContext,
    baseline: float,
    quantized: VariantRow,
    progress: Callable[[str], None],
) -> list[Remedy]:
    """Build variants and compare them.

    Args:
        variants: as `candidates` lists them.
        context: data, models and a working folder.
        baseline: metric of the float file.
        quantized: row of the int8 variant without them.
        progress: called with each recipe before it is built.

    Returns:
        One remedy per variant, the most recovered first, of equal ones the smallest.
    """
    remedies = []
    for variant in variants:
        progress(variant.recipe.text)
        remedies.append(_try(variant, context, baseline, quantized))
    return sorted(remedies, key=_order)


def _order(remedy: Remedy) -> tuple[bool, float, int]:
    value = remedy.recovered if remedy.recovered is not None else 0.0
    size = remedy.bytes_raw or 0
    return remedy.value is None, -min(round(value, 2), 1.0), size


def _try(
    variant: Variant, context: BuildContext, baseline: float, quantized: VariantRow
) -> Remedy:
    text, key = variant.recipe.text, context.metric.key
    try:
        row = build_variant(variant, context).row
    except (UserError, ValueError, RuntimeError) as error:
        return Remedy(text, None, None, None, None, False, str(error).split("\n")[0])
    value, size = row.metrics[key], row.bytes_raw
    if row.status != "ok" or value is None or size is None:
        reason = row.reason or "it has no valid file"
        return Remedy(text, None, None, None, None, False, reason)
    recovered = _recovered(value, baseline, quantized.metrics[key], context)
    growth = size / (quantized.bytes_raw or size)
    recommended = recovered is not None and recovered >= RECOVERED
    recommended = recommended and growth <= MORE_BYTES
    return Remedy(text, value, recovered, size, round(growth - 1, 4), recommended)


def _recovered(
    value: float, baseline: float, quantized: float | None, context: BuildContext
) -> float | None:
    """The recovered fraction of the loss; None where nothing is lost."""
    drop = context.metric.metric.drop
    if quantized is None or drop(quantized, baseline) <= 0:
        return None
    lost = drop(quantized, baseline)
    return round((lost - drop(value, baseline)) / lost, 4)
