"""Token numbers of what a recommendation, or a link of a graph, is asked for.

In: a line of text: a user and, after tabs, items that the user has taken since; or a
head and a relation. Out: int32 token numbers. 0 is padding, 1 a name that training does
not have. Items, users and entities begin at 2, and relations after the entities.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from pipeline.tasks.spec import TaskSpec
from pipeline.tasks.targets import PADDING

STEP = "ranking_rows"  # name of the step in spec.json
UNKNOWN, FIRST = 1, 2  # FIRST is the number of the first name
HISTORY, USER, TRIPLE = "history", "user", "triple"


@dataclass(frozen=True)
class RankingRows:
    """Turn users, histories, or heads with relations into token numbers.

    Args:
        reads: `history`: the last items of a user, the newest at the end; `user`: the
            number of the user; `triple`: a head and a relation.
        length: token numbers per example.
        items: names of the items, or entities, that are ranked, in the order of the
            outputs.
        contexts: names of the users, or of the relations.
        seen: items that a user has taken, as positions in `items`, the oldest first,
            one user after another; empty for triples.
        counts: number of these items of each user.
        repeats: an item may be taken, and so be recommended, again.
    """

    reads: str
    length: int
    items: tuple[str, ...]
    contexts: tuple[str, ...]
    seen: tuple[int, ...] = ()
    counts: tuple[int, ...] = ()
    repeats: bool = False

    @property
    def facts(self) -> dict[str, Any]:
        """Facts for spec.json that a reimplementation needs."""
        names = {HISTORY: "items", USER: "contexts", TRIPLE: "items, then contexts"}
        return {"padding": PADDING, "unknown": UNKNOWN, "token_2": names[self.reads]}

    @property
    def size(self) -> int:
        """Number of token numbers."""
        sizes = {HISTORY: len(self.items), USER: len(self.contexts)}
        both = len(self.items) + len(self.contexts)
        return FIRST + sizes.get(self.reads, both)

    def row(self, context: int | None, items: Sequence[int | None]) -> np.ndarray:
        """Return the token numbers of one example, int32 `(length,)`.

        Args:
            context: position of the user or the relation; None if it is unknown.
            items: positions of the items, the newest last, or of the head; None for an
                unknown one.
        """
        numbers = [UNKNOWN if k is None else FIRST + k for k in items]
        own = UNKNOWN if context is None else FIRST + context
        if self.reads == USER:
            numbers = [own]
        elif self.reads == TRIPLE:
            numbers = [*numbers, own + (len(self.items) if own >= FIRST else 0)]
        numbers = numbers[-self.length :]
        return np.array([PADDING] * (self.length - len(numbers)) + numbers, np.int32)

    def apply(self, batch: np.ndarray) -> np.ndarray:
        """Turn lines, `(n,)` of str, into int32 `(n, length)`.

        Rows of token numbers, `(n, length)`, are returned unchanged.
        """
        if batch.dtype.kind in "iu":
            return batch
        return np.stack([self.encode(str(line)) for line in batch])

    def encode(self, line: str) -> np.ndarray:
        """Return the token numbers of a line, int32 `(length,)`."""
        context, items = self.named(line)
        seen = self.seen_by(context) if self.reads == HISTORY else []
        position = self._item.get
        return self.row(self._context.get(context), [*seen, *map(position, items)])

    def named(self, line: str) -> tuple[str, list[str]]:
        """Return the user and the further items, or the relation and the head."""
        fields = [field.strip() for field in line.split("\t")]
        if self.reads == TRIPLE:
            return (fields[1] if len(fields) > 1 else ""), fields[:1]
        return fields[0], fields[1:]

    def unknown(self, line: str) -> list[str]:
        """Return the names in a line that training does not have."""
        context, items = self.named(line)
        names = [] if context in self._context else [context]
        return [*names, *(name for name in items if name not in self._item)]

    def seen_by(self, context: str) -> list[int]:
        """Return the items of a user, the oldest first; none of an unknown user."""
        number = self._context.get(context)
        if number is None or not self.counts:
            return []
        begin, end = self._edges[number], self._edges[number + 1]
        return list(self.seen[begin:end])

    def positions(self, row: np.ndarray) -> list[int]:
        """Return the items of a row as positions in `items`, the oldest first.

        Args:
            row: token numbers, `(length,)`.
        """
        if self.reads == USER:
            known = 0 <= row[0] - FIRST < len(self.contexts)
            return self.seen_by(self.contexts[row[0] - FIRST]) if known else []
        last = FIRST + len(self.items)
        return [int(number) - FIRST for number in row if FIRST <= number < last]

    def describe(self, row: np.ndarray) -> str:
        """Return the names in a row, in one line.

        Args:
            row: token numbers, `(length,)`.
        """
        names = {PADDING: "", UNKNOWN: "?"}
        numbers = [int(number) for number in row if number != PADDING]
        tables = {HISTORY: self.items, USER: self.contexts}
        table = tables.get(self.reads, (*self.items, *self.contexts))
        return ", ".join(names.get(n) or table[n - FIRST] for n in numbers)

    @cached_property
    def _item(self) -> dict[str, int]:
        return {name: number for number, name in enumerate(self.items)}

    @cached_property
    def _context(self) -> dict[str, int]:
        return {name: number for number, name in enumerate(self.contexts)}

    @cached_property
    def _edges(self) -> list[int]:
        return [0, *np.cumsum(self.counts).tolist()]


def rows_of(spec: TaskSpec) -> RankingRows | None:
    """Return the step of a data set; None where it holds other data.

    Args:
        spec: signature of the data.
    """
    value = next((dict(v) for v in spec.preprocess if v["step"] == STEP), None)
    if value is None:
        return None
    numbers = {key: tuple(value.get(key, ())) for key in ("seen", "counts")}
    names = {key: tuple(value[key]) for key in ("items", "contexts")}
    repeats = value.get("repeats", False)
    reads, length = value["reads"], value["length"]
    return RankingRows(reads, length, **names, **numbers, repeats=repeats)
