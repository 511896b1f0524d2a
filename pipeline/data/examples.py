"""The result of every reader: all examples of one source, not yet split."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pipeline.data.features import Step
from pipeline.data.rows import AnyRows

# Quantile ranges of numbers to predict, by which splits are stratified.
MAX_STRATA, EXAMPLES_PER_STRATUM = 10, 20


@dataclass(frozen=True)
class Examples:
    """All examples of a source.

    Args:
        x: raw examples, `(n, *shape)`; texts are an object array of str, `(n,)`.
        y: class numbers, `(n,)` int64, or numbers to predict, float64 `(n,)`, or
            `(n, columns)` of a forecast.
        classes: one name per class; empty for numbers.
        scale: `model input = stored * scale + offset`.
        offset: see `scale`.
        modality: image, audio, text, table or series.
        steps: preprocessing of raw examples before they are stored.
        learns: the step that is fitted on the training split and added to `steps`:
            `standardise`, `vocabulary`, `pixel_range`, `pair_tokens` or an empty text.
        own_test: True for the examples of the source's own test split, `(n,)` bool;
            None where the source has none.
        own_validation: likewise for validation.
        groups: group of each example, `(n,)` of str, if `data.split.group` is set.
        names: file names, `(n,)` of str, or row numbers, `(n,)` of int; None where a
            position says all.
        inputs: names of a table's columns, in their order.
        extra_targets: name -> `(n,)` of str for classes, float64 for numbers.
        vocabulary: number of tokens where x holds token numbers; 0 for other data.
        categories: position of a table's column that holds categories -> their texts.
        unseen: a class is in one split only, and `groups` are the classes; default
            False.
        maps: targets of a task with dense targets: masks of class numbers, `(n,
            height, width)` uint8, or boxes, `(n, boxes, 5)` float32; `y` is 0 then.
            None for other tasks.
        times: position in time of the first target of each example, `(n,)` int64; None
            for examples without an order in time.
        splits: number of the split of each example, `(n,)`, -1 for none, where the
            source decides it, by time; None where examples are drawn.
        facts: of the source, for the task.
    """

    x: AnyRows
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
    extra_targets: dict[str, np.ndarray] = field(default_factory=dict)
    vocabulary: int = 0
    categories: dict[int, tuple[str, ...]] = field(default_factory=dict)
    maps: AnyRows | None = None
    times: np.ndarray | None = None
    splits: np.ndarray | None = None
    facts: dict[str, Any] = field(default_factory=dict)
    unseen: bool = False

    def __len__(self) -> int:
        return len(self.y)

    @property
    def strata(self) -> np.ndarray:
        """Strata of a stratified split, `(n,)` int64: classes, or ranges of numbers."""
        if self.classes:
            return self.y
        numbers = self.y.reshape(len(self.y), -1)[:, 0]
        ranks = np.argsort(np.argsort(numbers, kind="stable"), kind="stable")
        strata = max(1, min(MAX_STRATA, len(self) // EXAMPLES_PER_STRATUM))
        return ranks * strata // len(self)

    def name(self, position: int) -> str:
        """Return what a person would look for: a file, a row, or a position."""
        if self.names is None:
            return f"example {position}"
        row = "row " if self.names.dtype.kind in "iu" else ""
        return f"{row}{self.names[position]}"
