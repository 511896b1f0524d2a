"""Choose the published variant that is diagnosed. TensorFlow is not imported."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePath

from pipeline.compress.grammar import parse_recipe
from pipeline.compress.selection.point import VariantRow, points_of
from pipeline.core.errors import UserError, did_you_mean
from pipeline.core.json_io import read_json
from pipeline.engine.published import published


def rows_of(folder: Path) -> list[VariantRow]:
    """Read the variants of an experiment.

    Args:
        folder: of the experiment.

    Raises:
        UserError: when the file is not the published one.
    """
    path = published(folder / "compress", "pareto.json") / "pareto.json"
    return list(points_of(read_json(path)))


def choose(rows: Sequence[VariantRow], name: str) -> VariantRow:
    """Return the variant called `name`, if it can be diagnosed.

    Args:
        rows: of the published variants.
        name: id of one of them.

    Raises:
        UserError: names the variants that can be diagnosed.
    """
    row = next((row for row in rows if row.id == name), None)
    possible = [row.id for row in rows if _obstacle(row) is None]
    listing = ", ".join(possible) or "none; add the recipe int8 to compress.recipes"
    if row is None:
        names = [row.id for row in rows]
        raise UserError(
            f'debug: no variant "{name}"{did_you_mean(name, names)}; variants that it '
            f"can explain: {listing}"
        )
    if obstacle := _obstacle(row):
        raise UserError(
            f"debug {name}: {obstacle}; variants that it can explain: {listing}"
        )
    return row


def _obstacle(row: VariantRow) -> str | None:
    """Why a variant cannot be diagnosed; None if it can."""
    if PurePath(row.id).name != row.id:  # it names the file of the diagnosis
        return "its id is not the name of a file"
    recipe = parse_recipe(row.recipe)
    if row.file is None:
        return f"it has no file ({row.reason})"
    if recipe.export != "int8":
        return f"its activations are not int8, but {recipe.export}"
    if recipe.techniques:
        return "it is fine-tuned, and debug explains post-training quantization only"
    return None
