"""Keywords accepted in a stream, and the threshold."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.metrics.stream_detection import (
    Counts,
    Keyword,
    accepted,
    choose_threshold,
    count,
    scores_of,
)

KEYWORDS = [Keyword(0, 2, 5), Keyword(1, 8, 11)]


def scores(*peaks: tuple[int, int, float], frames: int = 16) -> np.ndarray:
    """Scores of three classes that are 0 but for `(frame, class, score)`."""
    array = np.zeros((frames, 3))
    for frame, label, score in peaks:
        array[frame, label] = score
    return array


def test_a_keyword_is_accepted_once_in_a_pause():
    stream = scores((3, 0, 5), (4, 0, 6), (6, 1, 5), (9, 1, 4), (12, 2, 5))
    assert accepted(stream, 4, 0) == [(3, 0), (4, 0), (6, 1), (9, 1), (12, 2)]
    assert accepted(stream, 4, 2) == [(3, 0), (6, 1), (9, 1), (12, 2)]
    assert accepted(stream, 4, 3) == [(3, 0), (9, 1)]
    assert accepted(stream, 5, 3, ignored=[2]) == [(3, 0)]


@pytest.mark.parametrize(
    ("events", "rejected", "wrong"),
    [
        ([(2, 0), (11, 1)], 0, 0),
        ([(1, 0), (12, 1)], 2, 2),  # too early, and too late
        ([(3, 1), (9, 1)], 1, 1),  # another keyword
        ([(3, 0), (5, 0)], 1, 0),  # the same keyword twice
        ([], 2, 0),
    ],
)
def test_false_accepts_and_rejects(events, rejected, wrong):
    counts = count(events, KEYWORDS, seconds=1800)
    assert (counts.rejected, counts.false_accepts) == (rejected, wrong)
    assert counts.per_hour == 2 * wrong
    assert counts.reject_rate == rejected / 2


def test_intervals_are_exact():
    row = Counts(10, 0, 0, 3600.0).to_json()
    low, high = row["false_accepts_per_hour_interval"]
    assert low == 0 and high == pytest.approx(-np.log(0.025))
    low, high = row["false_reject_rate_interval"]
    assert low == 0 and high == pytest.approx(1 - 0.025 ** (1 / 10))
    low, high = Counts(10, 10, 4, 3600.0).to_json()["false_reject_rate_interval"]
    assert low == pytest.approx(0.025 ** (1 / 10)) and high == 1


def test_the_threshold_rejects_fewest_at_the_rate_of_false_accepts():
    stream = scores((3, 0, 5), (9, 1, 7), (14, 2, 6))
    few = choose_threshold(stream, KEYWORDS, 3600, 0, per_hour=0)
    assert accepted(stream, few, 0) == [(9, 1)]
    more = choose_threshold(stream, KEYWORDS, 3600, 0, per_hour=1)
    assert accepted(stream, more, 0) == [(3, 0), (9, 1), (14, 2)]


def test_where_only_wrong_scores_are_highest_nothing_is_accepted():
    stream = scores((1, 2, 9), (3, 0, 5), (14, 2, 6))
    threshold = choose_threshold(stream, KEYWORDS, 3600, 0, per_hour=0)
    assert threshold > 9 and accepted(stream, threshold, 0) == []
    ignored = choose_threshold(stream, KEYWORDS, 3600, 0, per_hour=0, ignored=[2])
    assert accepted(stream, ignored, 0, ignored=[2]) == [(3, 0)]


class TestScores:
    LOGITS = np.array([[2.0, 0.0, 0.0], [0.0, 0.0, 800.0]])

    def test_with_a_class_of_background_they_are_probabilities(self):
        scores = scores_of(self.LOGITS, [2])
        np.testing.assert_allclose(scores.sum(axis=1), 1)
        assert scores[0, 0] == pytest.approx(np.exp(2) / (np.exp(2) + 2))

    def test_without_one_they_are_the_logits(self):
        np.testing.assert_array_equal(scores_of(self.LOGITS), self.LOGITS)
