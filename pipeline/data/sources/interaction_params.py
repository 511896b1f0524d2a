"""The sections `data.interactions` and `data.triples`: what is ranked for whom."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from pipeline.core.params import Params
from pipeline.core.wording import repeated


class InteractionParams(Params):
    """Roles of the columns of a table of interactions, and what a model reads.

    Other columns are ignored. The last interaction of each user is in the test split,
    the one before in validation, and all earlier ones are in training.

    Args:
        user, item: columns of the names of users and items.
        time: column of the time: a number, or a date such as `2026-01-31 13:00`; null
            takes the order of the file.
        value: column of a rating; null counts every row.
        min_value: lowest rating that counts as an interaction.
        input: what a model reads: the `history`, the last items of a user, which also
            serves users who are not in training, or the `user`.
        length: items of a history.
        repeats: `first` keeps the first of several interactions of a user with one
            item, and never ranks an item again that the user has taken; `keep` keeps
            all, and ranks all items.
        seen: maximum number of items of a user that are left out of a ranking, the
            newest ones.
    """

    user: str = "user"
    item: str = "item"
    time: str | None = "time"
    value: str | None = None
    min_value: float | None = None
    input: Literal["history", "user"] = "history"  # serves new users too
    length: int = Field(default=20, ge=1, le=1000)
    repeats: Literal["first", "keep"] = "first"  # as films and books are taken
    seen: int = Field(default=200, ge=1, le=10_000)  # a row of targets holds them

    @model_validator(mode="after")
    def _roles_fit(self) -> Self:
        roles = [name for name in (self.user, self.item, self.time, self.value) if name]
        if twice := repeated(roles):
            raise ValueError(
                f'column "{twice[0]}" has two roles of user, item, time and value'
            )
        if self.min_value is not None and self.value is None:
            raise ValueError("min_value needs value, the column of a rating")
        return self


class TripleParams(Params):
    """Roles of the columns of a table of triples, the edges of a graph.

    A model reads a head and a relation, and ranks all entities as the tail. Each triple
    is also read backwards, with a relation of its own.

    Args:
        head, relation, tail: columns of their names.
        seen: maximum number of other true tails of one head and relation, which are
            left out of a ranking.
    """

    head: str = "head"
    relation: str = "relation"
    tail: str = "tail"
    seen: int = Field(default=200, ge=1, le=10_000)

    @model_validator(mode="after")
    def _roles_fit(self) -> Self:
        if twice := repeated([self.head, self.relation, self.tail]):
            raise ValueError(
                f'column "{twice[0]}" has two roles of head, relation and tail'
            )
        return self
