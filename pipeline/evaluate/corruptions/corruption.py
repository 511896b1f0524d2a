"""One kind of corruption, at five severities."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

SEVERITIES = (1, 2, 3, 4, 5)
Generator = np.random.Generator
Corrupt = Callable[[np.ndarray, float, Generator], np.ndarray]


@dataclass(frozen=True)
class Corruption:
    """One kind of corruption.

    Args:
        name: such as `noise`.
        unit: unit of the amounts.
        amounts: amount of each severity, 1 to 5.
        corrupt: `(raw, amount, rng) -> model inputs`.
    """

    name: str
    unit: str
    amounts: tuple[float, ...]
    corrupt: Corrupt

    def apply(self, raw: np.ndarray, severity: int, seed: int) -> np.ndarray:
        """Corrupt stored examples.

        Args:
            raw: stored examples, `(n, *shape)`; they are not changed.
            severity: 1 to 5.
            seed: equal seeds give equal results.

        Returns:
            Model inputs, `(n, *shape)`.
        """
        rng = np.random.default_rng(seed)
        return self.corrupt(raw, self.amounts[severity - 1], rng)
