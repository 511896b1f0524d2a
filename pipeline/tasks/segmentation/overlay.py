"""Masks drawn over images, in the colors of their classes; ignored pixels in white.

Class 0, the background by convention, shows the image itself in gray.
"""

from __future__ import annotations

import numpy as np

from pipeline.tasks.class_colors import WHITE, color_of
from pipeline.tasks.targets import IGNORED

OPACITY = 0.75


def _overlay(images: np.ndarray, masks: np.ndarray) -> np.ndarray:
    gray = images.mean(axis=-1, keepdims=True).repeat(3, axis=-1).astype(np.float32)
    drawn = gray.copy()
    for number in np.unique(masks):
        if number == 0:
            continue
        labeled = number != IGNORED
        color = np.array(color_of(int(number)) if labeled else WHITE, np.float32)
        chosen = masks == number
        drawn[chosen] = (1 - OPACITY) * gray[chosen] + OPACITY * color
    return drawn


OVERLAY = _overlay
