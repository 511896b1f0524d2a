"""From a map of cells to boxes: candidates, then non-maximum suppression.

In: outputs `(n, rows, columns, classes + 4)`: in each cell one logit per class, then
the distances from the center of the cell to the left, top, right and bottom side of the
object whose center is in it, in cells (Tian et al., FCOS: Fully Convolutional One-Stage
Object Detection, 2019). Out: boxes, sorted by score.

The C source of the kit (`decoding_c`) computes the same in the same order.
"""

from __future__ import annotations

import math

import numpy as np

from pipeline.tasks.boxes import area, iou

SIDES = 4  # distances per cell
MIN_SCORE = 0.05  # of a candidate; below it, precision has no effect on a metric
CANDIDATES = 100  # per image, as COCO counts
MAX_OVERLAP = 0.5  # IoU with a better box of the class above which a box is dropped
FOUND = 6  # class, score, left, top, right, bottom
NOTHING = -1.0  # class number of rows that fill up the array


def logit(score: float) -> float:
    """Return the logit of a score, 0 < score < 1."""
    return math.log(score / (1 - score))


def decode(outputs: np.ndarray) -> np.ndarray:
    """Find the boxes of images.

    Args:
        outputs: `(n, rows, columns, classes + 4)`, see the module.

    Returns:
        float32 `(n, CANDIDATES, 6)`: class number, score in 0 .. 1, left, top, right
        and bottom as fractions of the image, by descending score; class `NOTHING` fills
        up the array.
    """
    found = np.zeros((len(outputs), CANDIDATES, FOUND), np.float32)
    found[..., 0] = NOTHING
    for row, output in zip(found, outputs.astype(np.float32)):
        boxes = _decode_one(output)
        row[: len(boxes)] = boxes
    return found


def _decode_one(output: np.ndarray) -> np.ndarray:
    rows, columns, channels = output.shape
    classes = channels - SIDES
    logits = output[..., :classes].reshape(-1)
    places = np.flatnonzero(logits >= np.float32(logit(MIN_SCORE)))
    order = np.argsort(-logits[places], kind="stable")[:CANDIDATES]
    places = places[order]
    cells, numbers = np.divmod(places, classes)
    boxes = _boxes(
        output[..., classes:].reshape(-1, SIDES)[cells], cells, rows, columns
    )
    kept = _best(boxes, numbers)
    scores = 1 / (1 + np.exp(-logits[places]))
    head = np.stack([numbers, scores], axis=1)
    return np.concatenate([head, boxes], axis=1)[kept]


def _boxes(
    distances: np.ndarray, cells: np.ndarray, rows: int, columns: int
) -> np.ndarray:
    """Return left, top, right and bottom as fractions of the image, clipped to it."""
    half, size = np.float32(0.5), np.array([columns, rows], np.float32)
    center = np.stack(np.divmod(cells, columns)[::-1], axis=1).astype(np.float32) + half
    low, high = center - distances[:, :2], center + distances[:, 2:]
    return np.concatenate([low / size, high / size], axis=1).clip(0, 1)


def _best(boxes: np.ndarray, numbers: np.ndarray) -> list[int]:
    """Return the positions of boxes that no better one of their class covers."""
    overlaps = iou(boxes, boxes)
    covers = (overlaps > MAX_OVERLAP) & (numbers[:, None] == numbers)
    solid = area(boxes) > 0
    kept: list[int] = []
    for position in np.flatnonzero(solid).tolist():
        if not covers[position, kept].any():
            kept.append(position)
    return kept
