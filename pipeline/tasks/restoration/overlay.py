"""Clean images in the place of an overlay."""

from __future__ import annotations

import numpy as np

from pipeline.tasks.restoration.quality import WHITE


def _overlay(images: np.ndarray, targets: np.ndarray) -> np.ndarray:
    clean = targets / np.float32(WHITE)
    return np.broadcast_to(clean, (*clean.shape[:3], 3))


OVERLAY = _overlay
