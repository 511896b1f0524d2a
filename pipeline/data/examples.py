"""What a source hands over, before it is split."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Examples:
    """All examples of a source.

    Args:
        x: raw examples, `(n, *shape)`.
        y: class numbers, `(n,)`, int64.
        classes: one name a class.
        scale: `model input = x * scale + offset`.
        own_test: True for the examples of the source's own test split, `(n,)`;
            None where the source has none.
    """

    x: np.ndarray
    y: np.ndarray
    classes: tuple[str, ...]
    scale: float
    offset: float = 0.0
    own_test: np.ndarray | None = None
