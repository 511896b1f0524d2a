"""Arrays of any split. Only `artifact` and `test_split` import this module."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, cast

import numpy as np

from pipeline.core.errors import UserError
from pipeline.data.shards import ShardRows
from pipeline.data.stored import Stored, stored_rows


def load_arrays(
    folder: Path, split: str, mapped_above: int
) -> tuple[np.ndarray, np.ndarray]:
    """Load the stored examples and labels of one split.

    Args:
        folder: the published folder of the data stage.
        split: train, validation or test.
        mapped_above: size in bytes above which examples stay on the disk: an array is
            memory-mapped, shards are decompressed on access.

    Returns:
        Examples, `(n, *shape)`, and labels, `(n,)`.

    Raises:
        UserError: when a file is missing or damaged.
    """
    try:
        x = _examples(stored_rows(folder, split), mapped_above)
        return x, np.load(folder / f"{split}_y.npy", allow_pickle=False)
    except (OSError, ValueError, UserError) as error:
        raise UserError(f"{folder}: the {split} split is unreadable: {error}") from None


def _examples(rows: Stored, mapped_above: int) -> np.ndarray:
    """Load small splits; larger ones have the interface of an array on the disk."""
    if isinstance(rows, ShardRows):
        # It is indexed like an array, which is all that readers of a split rely on.
        return rows[:] if rows.nbytes <= mapped_above else cast(np.ndarray, rows)
    mode: Literal["r"] | None = None
    if rows.path.stat().st_size > mapped_above:
        mode = "r"
    x: np.ndarray = np.load(rows.path, mmap_mode=mode, allow_pickle=False)
    return x
