"""Collected examples of a ranking, and the checks that all its sources share.

A target is a row of int32: the item, then the items that are left out of the ranking,
filled with -1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pipeline.core.errors import UserError
from pipeline.data.examples import Examples
from pipeline.data.sources.reader import ReadContext
from pipeline.tasks.ranking_rows import RankingRows

NONE = -1
SPLITS = ("train", "validation", "test")


@dataclass
class RankingExamples:
    """Examples of a ranking, as they are collected.

    Args:
        step: from names to token numbers.
        seen: maximum number of items that are left out of one ranking.
    """

    step: RankingRows
    seen: int
    x: list[np.ndarray] = field(default_factory=list)
    y: list[list[int]] = field(default_factory=list)
    splits: list[int] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)

    def add(
        self,
        x: np.ndarray,
        item: int | None,
        others: Sequence[int | None],
        split: int,
        row: int,
    ) -> None:
        """Add one example.

        Args:
            x: token numbers.
            item: position of the target.
            others: positions that are left out of the ranking, the newest last; the
                target among them is not.
            split: 0 is training, 1 validation, 2 test.
            row: number of the row in the file.
        """
        assert item is not None
        known = dict.fromkeys(k for k in others if k is not None and k != item)
        self.x.append(x)
        self.y.append([item, *list(known)[-self.seen :]])
        self.splits.append(split)
        self.rows.append(row)


def joined(
    examples: RankingExamples, context: ReadContext, facts: Mapping[str, Any]
) -> Examples:
    """Return the examples of a source.

    Args:
        examples: all of them.
        context: names the source.
        facts: for the `target` of spec.json.

    Raises:
        UserError: when a split has no example.
    """
    splits = np.array(examples.splits, np.int64)
    for number, name in enumerate(SPLITS):
        if getattr(context.params.split, name) and not (splits == number).any():
            raise UserError(
                f'{context.key} "{context.source}": the {name} split would be empty; '
                "it needs users with at least three interactions, or more triples"
            )
    width = max(map(len, examples.y))
    y = np.full((len(examples.y), width), NONE, np.int32)
    for row, values in zip(y, examples.y):
        row[: len(values)] = values
    step = examples.step
    return Examples(
        x=np.stack(examples.x),
        y=y,
        classes=(),
        modality="text",
        steps=(step,),
        vocabulary=step.size,
        names=np.array(examples.rows),
        splits=splits,
        facts={"items": len(step.items), "reads": step.reads, **facts},
    )


def check_settings(context: ReadContext) -> None:
    """Refuse settings that would split a ranking in another way.

    Args:
        context: the settings.

    Raises:
        UserError: names the key.
    """
    params, place = context.params, f'{context.key} "{context.source}"'
    if params.split.folds:
        raise UserError(
            f"{place}: data.split.folds is not for a ranking, which is split by its "
            "source; remove it"
        )
    if params.duplicates == "drop":
        raise UserError(
            f"{place}: data.duplicates: drop would remove users who have the same "
            "history; remove it (repeated rows are left out by data.interactions)"
        )
