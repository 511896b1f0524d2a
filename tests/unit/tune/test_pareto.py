"""The Pareto front, and the mixed scores that lead to it."""

from __future__ import annotations

import random

import pytest

from pipeline.tune.pareto import Point, front, mixed_score

POINTS = [Point(0, 0.9, 50), Point(1, 0.95, 80), Point(2, 0.9, 40), Point(3, 0.94, 90)]


def test_the_front_holds_what_nothing_beats_in_both():
    assert [point.trial for point in front(POINTS)] == [2, 1]


@pytest.mark.parametrize("seed", range(20))
def test_nothing_on_the_front_is_beaten_and_all_else_is(seed):
    draw = random.Random(seed)
    points = [Point(n, draw.randint(0, 9) / 10, draw.randint(1, 9)) for n in range(15)]
    optimal = [(point.score, point.size) for point in front(points)]
    for point in points:
        beaten = any(
            other.score >= point.score
            and other.size <= point.size
            and (other.score, other.size) != (point.score, point.size)
            for other in points
        )
        assert beaten != ((point.score, point.size) in optimal)


def test_mixed_scores_prefer_now_the_accurate_and_now_the_small():
    winners = set()
    for number in range(20):
        score = mixed_score(POINTS, 1, number)
        winners.add(max(range(4), key=score))
        assert score(99) < min(map(score, range(4)))  # a failed trial is below all
    assert winners >= {1, 2} and 3 not in winners
