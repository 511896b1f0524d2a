"""How a drawing becomes like the images that a model was trained on.

In: training images. Out: brightness of the ground, how much of the frame the object
fills, and the width of a stroke.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from pipeline.data.artifact import Data

EXAMPLES = 500
CONTRAST = 0.25  # of the range: a pixel that differs more from the ground is ink
# Length of the strokes of a digit or letter, in heights of it.
LENGTH = 2.5
THINNEST, THICKEST = 0.05, 0.25  # strokes, as fractions of the height


def drawing_of(data: Data) -> dict[str, Any] | None:
    """Measure the training images of one channel.

    Args:
        data: the published data.

    Returns:
        `dark` (True for bright strokes on a dark ground), `fill` (the longer side of
        the object, as a fraction of the frame's) and `stroke` (its width, as a fraction
        of the object's longer side); None for images with colors.
    """
    spec = data.spec
    if spec.shape[-1] != 1:
        return None
    images = np.asarray(data.train().x[:EXAMPLES], np.float32)[..., 0]
    images = images * np.float32(spec.scale) + np.float32(spec.offset)
    ground = float(np.median(images))
    ink = np.abs(images - ground)
    span = max(float(images.max() - images.min()), 1e-6)
    extents = [_extent(mask) for mask in ink > CONTRAST * span]
    fill = float(np.median(extents)) if extents else 1.0
    area = float((ink / span).mean())
    width = area / (LENGTH * max(fill, 0.1) ** 2)
    return {
        "dark": ground < float(images.min()) + span / 2,
        "fill": round(min(max(fill, 0.3), 1.0), 3),
        "stroke": round(min(max(width, THINNEST), THICKEST), 3),
    }


def _extent(mask: np.ndarray) -> float:
    """The longer side of the box around the ink, as a fraction of the frame's side."""
    sides = [np.flatnonzero(mask.any(axis=axis)) for axis in (0, 1)]
    return max(
        (int(side[-1]) - int(side[0]) + 1) / size if len(side) else 0.0
        for side, size in zip(sides, mask.shape[::-1], strict=True)
    )
