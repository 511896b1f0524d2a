"""restoration.json and restored.png: the worst images, and the most changed ones.

One row of the picture per image: the input, enlarged bicubically where it is smaller;
the images restored by the baseline and by the chosen file; the clean image; the error
of the chosen file; and what compression changed.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from pipeline.core.json_io import write_json
from pipeline.tasks.evaluation import Context
from pipeline.tasks.restoration.metric import PSNR
from pipeline.tasks.restoration.quality import WHITE, enlarged
from pipeline.tasks.tiles import grid, worst_and_changed

WORST, CHANGED = 6, 4  # rows of the picture
AMPLIFIED = 8  # factor of the differences, which would be invisible


@dataclass(frozen=True)
class Restored:
    """Restored images of one file.

    Args:
        images: `(n, height, width, channels)` uint8.
        quality: PSNR in dB and SSIM of each image, `(n, 2)`.
        floor: those of the enlarged input, `(n, 2)`.
    """

    images: np.ndarray
    quality: np.ndarray
    floor: np.ndarray


def write(out: Path, context: Context, before: Restored, after: Restored) -> None:
    """Write both files.

    Args:
        out: folder of the files.
        context: the test split.
        before: images of the float baseline.
        after: images of the chosen file.
    """
    gain = (after.quality - after.floor)[:, PSNR]
    drop = (before.quality - after.quality)[:, PSNR]
    worst, changed = worst_and_changed(gain, drop, WORST, CHANGED)
    rows = [("worst", n) for n in worst] + [("changed", n) for n in changed]
    examples = [
        {
            "position": int(n),
            "reason": reason,
            "psnr": float(after.quality[n, PSNR]),
            "gain": float(gain[n]),
            "drop": float(drop[n]),
        }
        for reason, n in rows
    ]
    count = int((gain < 0).sum())
    write_json(
        out / "restoration.json", {"below_the_input": count, "examples": examples}
    )
    positions = np.array([n for _, n in rows], np.int64)
    _draw(out / "restored.png", context, before, after, positions)


def _draw(
    path: Path, context: Context, before: Restored, after: Restored, rows: np.ndarray
) -> None:
    clean = np.asarray(context.test.y[rows])
    old, new = before.images[rows], after.images[rows]
    inputs = enlarged(np.asarray(context.test.x[rows]), clean.shape[1:])
    differences = [_difference(new, clean), _difference(new, old)]
    images = [image / WHITE for image in (inputs, old, new, clean)] + differences
    tiles = np.stack(images, axis=1)
    color = np.broadcast_to(tiles, (*tiles.shape[:4], 3))
    Image.fromarray(grid(color)).save(path, optimize=True)


def _difference(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return an amplified difference around mid-gray, in 0 .. 1."""
    return 0.5 + AMPLIFIED * (first.astype(np.float64) - second) / WHITE
