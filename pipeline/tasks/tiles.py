"""Join images to one picture, with a row per example."""

from __future__ import annotations

import numpy as np

TILE = 128  # minimum side of an image in the picture, in pixels
GAP = 6  # pixels between tiles
PAPER = 255


def worst_and_changed(
    merit: np.ndarray, lost: np.ndarray, worst: int, changed: int
) -> tuple[list[int], list[int]]:
    """Choose the examples that are drawn.

    Args:
        merit: of each example with the chosen file, `(n,)`; lower is worse, NaN last.
        lost: by compression, `(n,)`; at most 0 where nothing is.
        worst: maximum number of the worst examples.
        changed: maximum number of others that lost most.

    Returns:
        Positions of both.
    """
    first = np.argsort(merit, kind="stable")[:worst]
    second = np.argsort(-lost, kind="stable")[:changed]
    second = second[(lost[second] > 0) & ~np.isin(second, first)]
    return first.tolist(), second.tolist()


def grid(tiles: np.ndarray) -> np.ndarray:
    """Join tiles to a picture, `(height, width, 3)` uint8; small ones are enlarged.

    Args:
        tiles: `(rows, columns, height, width, 3)` in 0 .. 1.
    """
    factor = max(1, -(-TILE // min(tiles.shape[2:4])))
    tiles = tiles.repeat(factor, axis=2).repeat(factor, axis=3)
    pixels = np.round(tiles.clip(0, 1) * 255).astype(np.uint8)
    margin = ((0, 0), (0, 0), (0, GAP), (0, GAP), (0, 0))
    padded = np.pad(pixels, margin, constant_values=PAPER)
    rows, columns, height, width, _ = padded.shape
    joined = padded.transpose(0, 2, 1, 3, 4).reshape(rows * height, columns * width, 3)
    return joined[:-GAP, :-GAP]
