"""Arrays of any split. Only `artifact` and `test_split` import this module."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np

from pipeline.core.errors import UserError


def load_arrays(
    folder: Path, split: str, mapped_above: int
) -> tuple[np.ndarray, np.ndarray]:
    """Load the stored examples and labels of one split.

    Args:
        folder: the published folder of the data stage.
        split: train, validation or test.
        mapped_above: size of a file in bytes above which examples are memory-mapped.

    Returns:
        Examples, `(n, *shape)`, and labels, `(n,)`.

    Raises:
        UserError: when a file is missing or damaged.
    """
    path = folder / f"{split}_x.npy"
    try:
        mode: Literal["r"] | None = None
        if path.stat().st_size > mapped_above:
            mode = "r"
        x = np.load(path, mmap_mode=mode, allow_pickle=False)
        return x, np.load(folder / f"{split}_y.npy", allow_pickle=False)
    except (OSError, ValueError) as error:
        raise UserError(f"{folder}: the {split} split is unreadable: {error}") from None
