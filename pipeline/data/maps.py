"""Dense targets: a mask of class numbers, or boxes, stored in place of labels.

In: the maps or boxes of a source. Out: `<split>_y.npy`, pixels or objects per class, an
error where a source has none for the task.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from pipeline.core.errors import UserError
from pipeline.data.examples import Examples
from pipeline.data.rows import AnyRows, ConcatenatedRows, RowWriter, chunks
from pipeline.data.sources.registry import BOXED, MAPPED
from pipeline.tasks.boxes import padded
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
        needed = BOXED if task.has_boxes else MAPPED
        kinds = ", ".join(f"{kind}:" for kind in needed)
        raise UserError(
            f'{key} "{source}": has no {"boxes" if task.has_boxes else "masks"}, and '
            f"data.task {task.name} needs them for each image; use a source of {kinds}"
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


def joined(maps: list[AnyRows]) -> AnyRows:
    """Join the maps or boxes of several sources.

    Args:
        maps: of each source; the number of boxes per image may differ.
    """
    most = max(rows.shape[1] for rows in maps)
    if all(rows.shape[1] == most for rows in maps):
        return ConcatenatedRows(maps)
    return np.concatenate([padded(rows[:], most) for rows in maps])


def counts_of(maps: AnyRows, classes: int) -> np.ndarray:
    """Count the pixels or objects of each class, `(classes,)`; ignored ones nowhere.

    Args:
        maps: of a split, `(n, height, width)` uint8, or boxes, `(n, boxes, 5)` float32.
        classes: number of classes.
    """
    if np.issubdtype(maps.dtype, np.floating):
        numbers = maps[:][..., 0].reshape(-1)
        return np.bincount(numbers[numbers >= 0].astype(int), minlength=classes)
    counts = np.zeros(IGNORED + 1, np.int64)
    for part in chunks(maps):
        counts += np.bincount(part.reshape(-1), minlength=len(counts))
    return counts[:classes]
