"""`interactions:NAME`: interactions that need no file.

`interactions:catalog` is made here: users with tastes take items of a catalog, one at a
time and no item twice. The next item is drawn from a softmax over the others of: its
popularity, the agreement of taste and item, and what the item taken before leads to. So
the best possible ranking is known: by these probabilities, see `best_ndcg`.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from pipeline.data.delimited import open_rows
from pipeline.data.examples import Examples
from pipeline.data.interactions.examples import read_interactions
from pipeline.data.sources.reader import ReadContext
from pipeline.data.sources.registry import check_known

USERS, ITEMS, TASTES = 1500, 400, 6
SEED = 19
SHORTEST, LONGEST = 8, 40  # interactions of a user
POPULARITY = 0.6  # standard deviation of log odds
AGREEMENT = 0.9  # factor of the product of taste and item
SUCCESSORS, SUCCESSION = 4, 3.0  # of an item, and the log odds that they gain
TOP = 10

Row = tuple[Any, ...]


@dataclass(frozen=True)
class Catalog:
    """What decides the interactions.

    Args:
        popularity: log odds of each item, `(ITEMS,)`.
        items: directions of the items, `(ITEMS, TASTES)`.
        tastes: directions of the users, `(USERS, TASTES)`.
        follows: what an item leads to, log odds `(ITEMS, ITEMS)`.
    """

    popularity: np.ndarray
    items: np.ndarray
    tastes: np.ndarray
    follows: np.ndarray

    def scores(self, user: int, taken: Sequence[int]) -> np.ndarray:
        """Return the log odds of the next item, -inf for items taken, `(ITEMS,)`.

        Args:
            user: its number.
            taken: items of the user, the newest last.
        """
        scores = self.popularity + AGREEMENT * (self.items @ self.tastes[user])
        if len(taken):
            scores = scores + self.follows[taken[-1]]
            scores[list(taken)] = -np.inf
        return np.asarray(scores)


def read(context: ReadContext) -> Examples:
    """Read made interactions; see `SourceReader`."""
    check_known(context.source, context.key)
    path = context.scratch / f"{context.name}.csv"
    with path.open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(TABLES[context.name]())
    params = context.params
    rows = open_rows(path, params.columns, params.limits.decompressed)
    return read_interactions(rows, context, best_ndcg)


def catalog() -> Iterator[Row]:
    """Yield the rows of `interactions:catalog`, by time, with a header."""
    made, rng = catalog_of(SEED), np.random.default_rng([SEED, 1])
    rows: list[Row] = []
    for user in range(USERS):
        time = int(rng.integers(0, 300))
        taken: list[int] = []
        for _ in range(rng.integers(SHORTEST, LONGEST + 1)):
            scores = made.scores(user, taken)
            noise = rng.gumbel(size=ITEMS)  # the maximum is a draw from the softmax
            taken.append(int(np.argmax(scores + noise)))
            time += int(rng.integers(1, 20))
            rows.append((f"u{user}", f"i{taken[-1]}", time))
    yield ("user", "item", "time")
    yield from sorted(rows, key=lambda row: row[2])


@lru_cache(maxsize=1)
def catalog_of(seed: int) -> Catalog:
    """Draw what decides the interactions.

    Args:
        seed: equal seeds draw equal catalogs.
    """
    rng = np.random.default_rng(seed)
    follows = np.zeros((ITEMS, ITEMS))
    for item in range(ITEMS):
        follows[item, rng.choice(ITEMS, SUCCESSORS, replace=False)] = SUCCESSION
    return Catalog(
        POPULARITY * rng.normal(size=ITEMS),
        rng.normal(size=(ITEMS, TASTES)),
        rng.normal(size=(USERS, TASTES)),
        follows,
    )


def best_ndcg(
    tested: Sequence[tuple[str, str]], before: Sequence[Sequence[str]]
) -> float:
    """Return the NDCG@10 of the ranking by the true probabilities.

    No ranking has a higher expectation; it uses tastes that a model can only estimate.

    Args:
        tested: user and item of each test example.
        before: items that the user had taken, the newest last.
    """
    made, gains = catalog_of(SEED), []
    for (user, item), names in zip(tested, before):
        scores = made.scores(_number(user), [_number(name) for name in names])
        rank = 1 + int((scores > scores[_number(item)]).sum())
        gains.append(1 / np.log2(1 + rank) if rank <= TOP else 0.0)
    return float(np.mean(gains))


def _number(name: str) -> int:
    return int(name[1:])


TABLES = {"catalog": catalog}
