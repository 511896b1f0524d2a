"""The front, and the mixes that lead to it."""

from __future__ import annotations

import random

import pytest

from pipeline.tune.pareto import front, mixed


def row(trial: int, score: float, size: int) -> dict:
    return {"trial": trial, "score": score, "bytes_int8": size}


ROWS = [row(0, 0.9, 50), row(1, 0.95, 80), row(2, 0.9, 40), row(3, 0.94, 90)]


def test_the_front_holds_what_nothing_beats_in_both():
    assert [one["trial"] for one in front(ROWS)] == [2, 1]


@pytest.mark.parametrize("seed", range(20))
def test_nothing_on_the_front_is_beaten_and_all_else_is(seed):
    draw = random.Random(seed)
    rows = [row(n, draw.randint(0, 9) / 10, draw.randint(1, 9)) for n in range(15)]
    found = front(rows)
    for one in rows:
        beaten = any(
            other["score"] >= one["score"]
            and other["bytes_int8"] <= one["bytes_int8"]
            and (other["score"], other["bytes_int8"])
            != (one["score"], one["bytes_int8"])
            for other in rows
        )
        same = [(f["score"], f["bytes_int8"]) for f in found]
        assert beaten != ((one["score"], one["bytes_int8"]) in same)


def test_mixes_prefer_now_the_accurate_and_now_the_small():
    winners = set()
    for number in range(20):
        score = mixed(ROWS, 1, number)
        winners.add(max(range(4), key=score))
        assert score(99) < min(map(score, range(4)))  # what failed is below all
    assert winners >= {1, 2} and 3 not in winners
