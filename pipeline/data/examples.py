"""What every reader hands over, before it is split: one typed signature."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from pipeline.data.rows import Source
from pipeline.data.features import Step

MOST_STRATA, IN_EACH = 10, 20  # of numbers to predict; examples of a stratum


@dataclass(frozen=True)
class Examples:
    """All examples of a source.

    Args:
        x: raw examples, `(n, *shape)`; texts are an object array of str, `(n,)`.
        y: class numbers, `(n,)`, int64; or the numbers to predict,
            float64.
        classes: one name a class; none for numbers.
        scale: `model input = stored * scale + offset`.
        modality: image, audio, text or table.
        steps: what is done to each raw example before it is stored.
        learns: the step that is added with what the training split teaches:
            `standardise`, `vocabulary` or nothing.
        own_test: True for the examples of the source's own test split, `(n,)`;
            None where the source has none.
        own_validation: likewise.
        groups: what belongs together, `(n,)` of str, where a group is asked for.
        also: further targets: name -> `(n,)` of str, or float64 for numbers.
        inputs: names of a table's columns, in their order.
        names: file names or row numbers, `(n,)` of str, for lists of examples.
    """

    x: Source
    y: np.ndarray
    classes: tuple[str, ...]
    scale: float = 1.0
    offset: float = 0.0
    modality: str = "image"
    steps: tuple[Step, ...] = ()
    learns: str = ""
    own_test: np.ndarray | None = None
    own_validation: np.ndarray | None = None
    groups: np.ndarray | None = None
    names: np.ndarray | None = None
    inputs: tuple[str, ...] = ()
    also: dict[str, np.ndarray] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.y)

    @property
    def strata(self) -> np.ndarray:
        """What splits are balanced by, `(n,)` int64: classes, or ranges of numbers."""
        if self.classes:
            return self.y
        ranks = np.argsort(np.argsort(self.y, kind="stable"), kind="stable")
        parts = max(1, min(MOST_STRATA, len(self) // IN_EACH))
        return ranks * parts // len(self)

    def name(self, at: int) -> str:
        """What a person would look for: a file, a row, or a position."""
        return f"example {at}" if self.names is None else str(self.names[at])
