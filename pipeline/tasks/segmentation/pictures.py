"""segmentation.json and overlays.png: the worst images, and the most changed ones.

One row of the picture per image: the image, its true mask, the masks of the baseline
and of the chosen file, and the pixels that compression changed.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from PIL import Image

from pipeline.core.json_io import write_json
from pipeline.tasks.evaluation import Context
from pipeline.tasks.segmentation.counts import iou, pixel_counts
from pipeline.tasks.segmentation.overlay import OVERLAY
from pipeline.tasks.targets import IGNORED
from pipeline.tasks.tiles import grid, worst_and_changed

WORST, CHANGED = 6, 4  # rows of the picture
WRONG, RIGHT = (0.80, 0.20, 0.10), (0.05, 0.45, 0.75)  # of changed pixels


@dataclass(frozen=True)
class Masks:
    """True and predicted masks of one file.

    Args:
        y: true class numbers, `(n, height, width)` uint8.
        predicted: predicted class numbers, `(n, height, width)` uint8.
        classes: number of classes.
    """

    y: np.ndarray
    predicted: np.ndarray
    classes: int

    @cached_property
    def counts(self) -> np.ndarray:
        """Pixels of each image and class, `(n, 3, classes)`; see `pixel_counts`."""
        return pixel_counts(self.y, self.predicted, self.classes)

    @property
    def per_image(self) -> np.ndarray:
        """MIoU of each image over the classes that it has, `(n,)`; NaN without any."""
        ratios = iou(self.counts)
        count = np.isfinite(ratios).sum(axis=-1)
        total = np.nansum(ratios, axis=-1)
        return np.divide(total, count, out=np.full(len(count), np.nan), where=count > 0)

    def changed(self, before: Masks) -> np.ndarray:
        """Return where the class differs from an earlier one, bool like `predicted`."""
        return (self.predicted != before.predicted) & (self.y != IGNORED)


def write(out: Path, context: Context, before: Masks, after: Masks) -> None:
    """Write both files.

    Args:
        out: folder of the files.
        context: the test split.
        before: masks of the float baseline.
        after: masks of the chosen file.
    """
    values, pixels = after.per_image, after.changed(before).sum(axis=(1, 2))
    worst, changed = worst_and_changed(values, pixels, WORST, CHANGED)
    rows = [("worst", n) for n in worst] + [("changed", n) for n in changed]
    examples = [
        {
            "position": int(n),
            "reason": reason,
            "miou": None if np.isnan(values[n]) else float(values[n]),
            "changed_pixels": int(pixels[n]),
        }
        for reason, n in rows
    ]
    document = {"images_changed": int((pixels > 0).sum()), "examples": examples}
    write_json(out / "segmentation.json", document)
    positions = np.array([n for _, n in rows], np.int64)
    _draw(out / "overlays.png", context, before, after, positions)


def _draw(
    path: Path, context: Context, before: Masks, after: Masks, positions: np.ndarray
) -> None:
    inputs = context.data.spec.to_input(np.asarray(context.test.x[positions]))
    low, high = min(inputs.min(), 0.0), max(inputs.max(), 1.0)
    images = ((inputs - low) / (high - low)).astype(np.float32)
    color = images if images.shape[-1] == 3 else images.mean(-1, keepdims=True)
    truth, old, new = (
        m[positions] for m in (after.y, before.predicted, after.predicted)
    )
    columns = [
        np.broadcast_to(color, (*truth.shape, 3)),
        *(OVERLAY(images, masks) for masks in (truth, old, new)),
        _flips(images, truth, old, new),
    ]
    Image.fromarray(grid(np.stack(columns, axis=1))).save(path, optimize=True)


def _flips(
    images: np.ndarray, truth: np.ndarray, old: np.ndarray, new: np.ndarray
) -> np.ndarray:
    """Draw changed pixels: red where now wrong, blue where now right, else orange."""
    drawn = np.repeat(images.mean(axis=-1, keepdims=True), 3, axis=-1) * 0.5 + 0.5
    changed = (old != new) & (truth != IGNORED)
    drawn[changed] = (0.95, 0.65, 0.15)
    drawn[changed & (old == truth)] = WRONG
    drawn[changed & (new == truth)] = RIGHT
    return drawn
