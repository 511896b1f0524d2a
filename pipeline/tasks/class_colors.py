"""Colors of classes that stay distinct for color-blind readers.

After Tol, Colour Schemes, 2021, repeated darker beyond their number.
"""

from __future__ import annotations

import numpy as np

COLORS = (
    np.array(
        [
            *[(0x44, 0x77, 0xAA), (0xEE, 0x66, 0x77), (0x22, 0x88, 0x33)],
            *[(0xCC, 0xBB, 0x44), (0x66, 0xCC, 0xEE), (0xAA, 0x33, 0x77)],
            *[(0xEE, 0x77, 0x33), (0x00, 0x99, 0x88), (0x88, 0x22, 0x55)],
            *[(0x33, 0x22, 0x88), (0x99, 0x99, 0x33), (0xDD, 0xAA, 0xCC)],
        ],
        np.float32,
    )
    / 255
)
WHITE = (1.0, 1.0, 1.0)


def color_of(number: int) -> tuple[float, ...]:
    """Return the color of a class, red, green and blue in 0 .. 1.

    Args:
        number: class number from 1.
    """
    rounds, position = divmod(number - 1, len(COLORS))
    return tuple((COLORS[position] * 0.7**rounds).tolist())
