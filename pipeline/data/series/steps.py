"""Preprocessing of windows: numbers relative to the level of the window."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Anchor:
    """Subtract the level of each window from some of its columns.

    Args:
        columns: positions of the columns.
        by: `mean` of the window, or its `last` value.
    """

    columns: tuple[int, ...]
    by: str

    @property
    def facts(self) -> dict[str, Any]:
        """Facts for spec.json that a reimplementation needs."""
        return {"undo": "add the level of the column to its forecast"}

    def level(self, windows: np.ndarray) -> np.ndarray:
        """Return the level of each column, float64 `(n, columns)`.

        Args:
            windows: raw numbers, `(n, steps, columns)`.
        """
        numbers = windows.astype(np.float64)[..., list(self.columns)]
        return numbers.mean(axis=1) if self.by == "mean" else numbers[:, -1]

    def apply(self, windows: np.ndarray) -> np.ndarray:
        """Return windows relative to their level, float32 `(n, steps, columns)`."""
        relative = windows.astype(np.float64)
        relative[..., list(self.columns)] -= self.level(windows)[:, None]
        return relative.astype(np.float32)
