"""Pruning masks of one kernel."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.compress.native.masks import free_mask, two_of_four_mask


@pytest.mark.parametrize("sparsity", [0.0, 0.3, 0.75])
def test_the_smallest_weights_are_zeroed(sparsity):
    values = np.random.default_rng(1).normal(size=(5, 4, 3)).astype(np.float32)
    mask = free_mask(values, sparsity)
    assert np.sum(mask == 0) == round(sparsity * 60)
    pruned, rest = np.abs(values[mask == 0]), np.abs(values[mask == 1])
    assert not pruned.size or pruned.max() < rest.min()


def test_equal_weights_are_pruned_to_the_same_fraction():
    assert free_mask(np.ones((4, 5)), 0.5).sum() == 10


def test_two_of_every_four_weights_of_a_row_are_zeroed():
    values = np.random.default_rng(2).normal(size=(3, 3, 4, 5)).astype(np.float32)
    mask = two_of_four_mask(values)
    rows = np.moveaxis(mask, -1, 0).reshape(-1, 4)  # in the order of the file
    assert np.array_equal(rows.sum(1), np.full(len(rows), 2))
    groups = np.moveaxis(np.abs(values), -1, 0).reshape(-1, 4)
    assert np.array_equal(rows == 1, groups >= np.sort(groups)[:, 2:3])


def test_a_row_that_is_no_multiple_of_four_loses_at_most_half():
    mask = two_of_four_mask(np.ones((6, 2)))
    assert np.array_equal(mask.sum(0), [4, 4])
