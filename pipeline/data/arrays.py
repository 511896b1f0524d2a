"""The arrays of any split. For `artifact` and `heldout`; a test keeps others out."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from pipeline.core.errors import UserError


def load_arrays(folder: Path, name: str, large: int) -> tuple[np.ndarray, np.ndarray]:
    """Stored examples and labels of one split.

    Args:
        large: bytes of a file from which on its examples are mapped, not read.

    Raises:
        UserError: when a file is missing or damaged.
    """
    path = folder / f"{name}_x.npy"
    try:
        mode = "r" if path.stat().st_size > large else None
        x = np.load(path, mmap_mode=mode, allow_pickle=False)
        return x, np.load(folder / f"{name}_y.npy", allow_pickle=False)
    except (OSError, ValueError) as error:
        raise UserError(f"{folder}: the {name} split is unreadable: {error}") from None
