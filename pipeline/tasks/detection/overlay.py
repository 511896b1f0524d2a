"""Boxes drawn over images, in the colors of their classes; ignored objects in white."""

from __future__ import annotations

import colorsys

import numpy as np

from pipeline.tasks.boxes import EMPTY

WHITE = (1.0, 1.0, 1.0)
GOLDEN = 0.618034  # steps of this fraction of the color circle are far apart


def color_of(number: int) -> tuple[float, ...]:
    """Return the color of a class, red, green and blue in 0 .. 1.

    Args:
        number: class number from 0.
    """
    return colorsys.hsv_to_rgb(number * GOLDEN % 1, 0.75, 0.9)


def _overlay(images: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    gray = images.mean(axis=-1, keepdims=True).repeat(3, axis=-1).astype(np.float32)
    for image, rows in zip(gray, boxes):
        for number, *ends in rows[rows[:, 0] != EMPTY]:
            color = color_of(int(number)) if number >= 0 else WHITE
            _outline(image, np.array(ends), color)
    return gray


def _outline(image: np.ndarray, ends: np.ndarray, color: tuple[float, ...]) -> None:
    """Draw the border of a box into an image, one pixel wide."""
    height, width = image.shape[:2]
    left, top, right, bottom = np.round(ends * ([width, height] * 2)).astype(int)
    right, bottom = max(right - 1, left), max(bottom - 1, top)
    image[top : bottom + 1, [left, min(right, width - 1)]] = color
    image[[top, min(bottom, height - 1)], left : right + 1] = color


OVERLAY = _overlay
