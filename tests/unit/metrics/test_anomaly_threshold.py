"""Where anomalies begin."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.metrics.anomaly_threshold import youden_threshold


@pytest.mark.parametrize(
    ("error", "y", "expected"),
    [
        ([1, 2, 5, 6], [0, 0, 1, 1], 3.5),  # all of both kinds on their side
        ([1, 2, 3, 9], [0, 1, 0, 1], 1.5),  # of equals the lowest
        ([1, 2, 3, 4, 9], [0, 0, 1, 0, 1], 2.5),
        ([1, 1, 1], [0, 1, 1], None),  # nothing to choose between
        ([1, 2], [0, 0], None),
        ([1, 2], [1, 1], None),
    ],
)
def test_it_is_where_most_anomalies_and_fewest_others_are_above(error, y, expected):
    assert youden_threshold(np.array(error, float), np.array(y)) == expected


def test_no_other_cut_does_better():
    draw = np.random.default_rng(0)
    y = draw.integers(0, 2, 200)
    error = np.round(draw.normal(size=200) + y, 1)  # with ties

    def ahead(cut: float) -> float:
        return np.mean(error[y == 1] > cut) - np.mean(error[y == 0] > cut)

    assert ahead(youden_threshold(error, y)) == max(ahead(cut) for cut in error)
