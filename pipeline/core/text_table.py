"""Tables of text for the terminal.

aligned([("layer", "bytes"), ("conv", "12")], "lr")    layer  bytes
                                                       conv      12
"""

from __future__ import annotations

from collections.abc import Sequence


def aligned(rows: Sequence[Sequence[str]], sides: str) -> list[str]:
    """Return rows as lines, each column as wide as its longest cell.

    Args:
        rows: cells, equally many per row; the names of the columns first.
        sides: `l` or `r` for each column: the side that its cells are aligned to.
    """
    widths = [max(map(len, column)) for column in zip(*rows)]
    return [
        "  ".join(
            cell.rjust(width) if side == "r" else cell.ljust(width)
            for cell, width, side in zip(row, widths, sides, strict=True)
        ).rstrip()
        for row in rows
    ]
