"""Recipes that a cheaper beginning of theirs beats.

In: rows of one experiment. Out: for each recipe that fine-tunes, the recipe with fewer
of its steps, and the same kind of file, that is better on validation.
"""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.compress.grammar import parse_recipe
from pipeline.compress.selection.point import VariantRow
from pipeline.metrics.metric import Metric

MARGIN = 0.01  # of the metric: one point of accuracy; less may be chance


def beaten_by(row: VariantRow, rows: Sequence[VariantRow], metric: Metric) -> str:
    """Name the best cheaper beginning of a recipe that is clearly better.

    Args:
        row: a variant.
        rows: all variants.
        metric: of the task.

    Returns:
        Text of the recipe; empty where there is none.
    """
    value = row.metrics.get(metric.key)
    if row.status != "ok" or value is None:
        return ""
    better = [
        (metric.merit(number), other.recipe)
        for other in rows
        if _is_beginning(other, row)
        and (number := other.metrics.get(metric.key)) is not None
        and metric.drop(value, number) > MARGIN
    ]
    return max(better)[1] if better else ""


def _is_beginning(other: VariantRow, row: VariantRow) -> bool:
    """True for a file of the same model and export, made with the first steps only."""
    if other.status != "ok" or other.source != row.source:
        return False
    recipe, beginning = parse_recipe(row.recipe), parse_recipe(other.recipe)
    fewer = len(beginning.techniques)
    return (
        beginning.export == recipe.export
        and fewer < len(recipe.techniques)
        and beginning.techniques == recipe.techniques[:fewer]
    )
