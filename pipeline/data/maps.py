"""Dense targets: masks of class numbers, one per image, stored in place of labels.

In: the maps of a source. Out: `<split>_y.npy`, pixels per class, an error where a
source has no maps for the task.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from pipeline.core.errors import UserError
from pipeline.data.examples import Examples
from pipeline.data.rows import AnyRows, RowWriter, chunks
from pipeline.data.sources.registry import MAPPED
from pipeline.tasks.targets import IGNORED
from pipeline.tasks.task import Task


def check_maps(examples: Examples, source: str, key: str, task: Task) -> None:
    """Refuse a source without maps for a dense task, and maps for another task.

    Args:
        examples: of the source.
        source: its name.
        key: dotted key that names it.
        task: of the experiment.

    Raises:
        UserError: names the sources or the task that fit.
    """
    if examples.maps is None:
        kinds = ", ".join(f"{kind}:" for kind in MAPPED)
        raise UserError(
            f'{key} "{source}": has no masks, and data.task {task.name} needs one per '
            f"image; use a source of {kinds}"
        )
    if not task.dense:
        raise UserError(
            f'{key} "{source}": has masks or clean images, and data.task {task.name} '
            f"takes {task.labels}; set data.task to a task with a target per pixel"
        )


def write(path: Path, maps: AnyRows, positions: np.ndarray) -> None:
    """Write the maps of a split.

    Args:
        path: the .npy file.
        maps: of all examples, `(n, height, width)`.
        positions: of the split's examples.
    """
    with RowWriter(path, maps.shape[1:], maps.dtype) as writer:
        for part in chunks(maps, positions):
            writer.append(part)


def pixels(maps: AnyRows, classes: int) -> np.ndarray:
    """Count the pixels of each class, `(classes,)` int64; ignored ones nowhere.

    Args:
        maps: of a split, `(n, height, width)` uint8.
        classes: number of classes.
    """
    counts = np.zeros(IGNORED + 1, np.int64)
    for part in chunks(maps):
        counts += np.bincount(part.reshape(-1), minlength=len(counts))
    return counts[:classes]
