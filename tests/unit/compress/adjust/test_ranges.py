"""Ranges of activations from histograms."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.compress.adjust.ranges import between_percentiles, least_error


def histogram(values: np.ndarray, low: float, high: float, bins: int = 4096):
    counts = np.histogram(values, bins, (low, high))[0].astype(float)
    centers = low + (np.arange(bins) + 0.5) * (high - low) / bins
    return counts, centers


def test_a_percentile_leaves_out_the_values_beyond_it():
    values = np.linspace(-1, 1, 10_000)
    counts, _ = histogram(np.append(values, [8.0]), -1, 8)
    low, high = between_percentiles(counts, -1, 8, 99.0)
    assert (low, high) == pytest.approx((-0.98, 0.98), abs=0.005)


def test_a_percentile_of_100_keeps_the_observed_range():
    counts, _ = histogram(np.linspace(-1, 3, 1000), -1, 3)
    assert between_percentiles(counts, -1, 3, 100.0) == pytest.approx((-1, 3))


def test_the_zero_of_a_relu_stays_the_end_of_its_range():
    values = np.concatenate([np.zeros(9000), np.linspace(0, 4, 1000)])
    counts, centers = histogram(values, 0, 4)
    assert between_percentiles(counts, 0, 4, 99.0)[0] == 0
    assert least_error(counts, centers, 0, 4)[0] == 0


def test_the_least_squared_error_clips_a_lone_outlier():
    values = np.append(np.random.default_rng(1).normal(size=200_000), [60.0])
    counts, centers = histogram(values, -6, 60)
    low, high = least_error(counts, centers, -6, 60)
    assert 3 < high < 50

    def error(begin: float, end: float) -> float:
        scale = (end - begin) / 255
        rounded = np.round((np.clip(values, begin, end) - begin) / scale) * scale
        return float(np.mean((values - begin - rounded) ** 2))

    assert error(low, high) < 0.8 * error(-6, 60)


def test_even_values_are_not_clipped():
    counts, centers = histogram(np.linspace(-1, 1, 50_000), -1, 1)
    low, high = least_error(counts, centers, -1, 1)
    assert (low, high) == pytest.approx((-1, 1), abs=0.03)
