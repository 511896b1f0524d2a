"""ledger.json: metric and size after each step, from the float baseline on.

In: the built variants. Out: the lines of each variant that has steps.
"""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.compress.selection.pareto_table import BASELINE
from pipeline.compress.variant import LedgerLine, VariantResult


def document(results: Sequence[VariantResult]) -> dict[str, list[LedgerLine]]:
    """Build the content of ledger.json.

    Args:
        results: all variants, the float files among them.

    Returns:
        id -> its lines: the float baseline, the source's float file where it is another
        one, then one per step. Float files and variants without a file are left out.
    """
    with_file = {result.variant.id: result for result in results if result.ledger}
    floats = {f"{result.variant.source}-float" for result in results}
    return {
        id: [*_float_lines(result, with_file), *result.ledger]
        for id, result in with_file.items()
        if id not in floats
    }


def float_ids(source: str) -> list[str]:
    """Return the ids of the float files that the lines of a variant begin with.

    Args:
        source: `baseline` or `student`.
    """
    return list(dict.fromkeys((BASELINE, f"{source}-float")))


def _float_lines(
    result: VariantResult, with_file: dict[str, VariantResult]
) -> list[LedgerLine]:
    return [
        {**with_file[id].ledger[-1], "step": id.removesuffix("-float") + " | float"}
        for id in float_ids(result.variant.source)
        if id in with_file
    ]
