"""Score against size: the front, and one number for both on the way to it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from pipeline.core.determinism import derive_seed

SIZE = "bytes_int8"
LINEAR = 0.05  # part of the plain sum in the score

Row = dict[str, Any]


def front(rows: Sequence[Row], sign: int = 1) -> list[Row]:
    """Rows that no other one beats in `score` and size at once, smallest first.

    Args:
        sign: 1 where a higher score is better, -1 where a lower one is.
    """
    kept: list[Row] = []
    order = sorted(rows, key=lambda r: (r[SIZE], -sign * r["score"], r["trial"]))
    for row in order:
        if not kept or sign * (row["score"] - kept[-1]["score"]) > 0:
            kept.append(row)
    return kept


def mixed(
    rows: Sequence[Row], seed: int, number: int, sign: int = 1
) -> Callable[[int], float]:
    """Trial -> a score that mixes accuracy and size, by weights drawn for `number`.

    Another mix for each proposal spreads the proposals along the front: Knowles,
    ParEGO, 2006, its augmented Tchebycheff function. A trial that is not among
    `rows` has a score below all.
    """
    weight = derive_seed(seed, "weight", number) / 2**31
    good = _unit({row["trial"]: sign * row["score"] for row in rows})
    small = _unit({row["trial"]: -math.log(row[SIZE]) for row in rows})

    def score(trial: int) -> float:
        if trial not in good:
            return -2.0
        short = (weight * (1 - good[trial]), (1 - weight) * (1 - small[trial]))
        return -max(short) - LINEAR * sum(short)

    return score


def _unit(values: dict[int, float]) -> dict[int, float]:
    """From 0 for the lowest to 1 for the highest."""
    low, high = min(values.values(), default=0), max(values.values(), default=0)
    return {key: (one - low) / ((high - low) or 1.0) for key, one in values.items()}
