from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.metrics import classification as statistics

Y = np.array([0, 0, 0, 0, 1, 1, 2, 2])
MANY = settings(deadline=None, max_examples=60)
FEW = settings(deadline=None, max_examples=20)
GUESS = np.array([0, 0, 0, 1, 1, 1, 2, 0])


@st.composite
def answers(draw, models: int = 2, classes: int = 4):
    """True classes and the guesses of some models, all of one length."""
    count = draw(st.integers(1, 60))
    numbers = st.lists(st.integers(0, classes - 1), min_size=count, max_size=count)
    return tuple(np.array(draw(numbers)) for _ in range(models + 1))


def test_accuracy_counts_what_is_right():
    assert statistics.accuracy(Y, GUESS) == 6 / 8


def test_recall_is_the_part_of_each_class_that_is_found():
    assert statistics.recall(Y, GUESS, 3) == [3 / 4, 1.0, 1 / 2]


def test_recall_of_a_class_that_the_test_split_lacks_is_unknown():
    assert statistics.recall(Y, GUESS, 4)[3] is None


def test_macro_f1_is_the_mean_of_the_f1_scores_of_the_classes():
    f1 = [2 * 3 / (4 + 4), 2 * 2 / (2 + 3), 2 * 1 / (2 + 1)]
    assert statistics.macro_f1(Y, GUESS) == pytest.approx(np.mean(f1))


def test_a_class_that_is_only_guessed_has_no_f1_of_its_own():
    assert statistics.macro_f1(np.array([0, 0, 1]), np.array([0, 2, 1])) == (
        pytest.approx(np.mean([2 / 3, 1]))
    )


def test_confusion_counts_true_classes_in_rows():
    expected = [[3, 1, 0, 0], [0, 2, 0, 0], [1, 0, 1, 0], [0, 0, 0, 0]]
    assert statistics.confusion_matrix(Y, GUESS, 4).tolist() == expected


def test_agreement_does_not_ask_who_is_right():
    assert statistics.agreement(np.array([1, 1, 0]), np.array([1, 0, 0])) == 2 / 3


@MANY
@given(answers())
def test_flips_and_lost_account_for_the_whole_drop(case):
    y, before, after = case
    worse, better = statistics.count_flips(y, before, after)
    drop = statistics.accuracy(y, before) - statistics.accuracy(y, after)
    assert (worse - better) / len(y) == pytest.approx(drop)
    assert statistics.accuracy_losses(y, before, after).mean() == pytest.approx(drop)


@MANY
@given(answers())
def test_models_that_agree_everywhere_flip_nothing(case):
    y, guess, _ = case
    assert statistics.count_flips(y, guess, guess) == (0, 0)
    assert statistics.agreement(guess, guess) == 1


@MANY
@given(answers(models=1))
def test_the_accuracy_interval_holds_the_accuracy_and_is_never_a_point(case):
    y, guess = case
    low, high = statistics.accuracy_interval(y, guess)
    assert 0 <= low <= statistics.accuracy(y, guess) <= high <= 1
    assert low < high


def test_the_accuracy_interval_is_wilsons():
    # 355 of 360 right: by hand from Wilson's formula with z = 1.959964.
    y = np.zeros(360, int)
    guess = np.r_[np.ones(5, int), np.zeros(355, int)]
    p, n, z = 355 / 360, 360, 1.959964
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * np.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    expected = (middle - half, middle + half)
    assert statistics.accuracy_interval(y, guess) == pytest.approx(expected, abs=1e-6)


@FEW
@given(answers(), st.integers(1, 2**31 - 1))
def test_swapped_sides_mirror_the_interval(case, seed):
    y, one, other = case
    low, high = _interval(y, one, other, seed)
    assert _interval(y, other, one, seed) == pytest.approx((-high, -low))


@FEW
@given(answers(), st.integers(1, 2**31 - 1))
def test_equal_seeds_give_equal_intervals(case, seed):
    assert _interval(*case, seed) == _interval(*case, seed)


def test_another_seed_gives_another_interval():
    y, one, other = _simulated(np.random.default_rng(3))
    assert _interval(y, one, other, 1) != _interval(y, one, other, 2)


def test_the_interval_covers_the_true_drop_about_as_often_as_it_says():
    draw = np.random.default_rng(7)
    inside = []
    for seed in range(200):
        low, high = _interval(*_simulated(draw), seed)
        inside.append(low <= 0.05 <= high)
    assert 0.90 <= np.mean(inside) <= 0.99


def test_a_paired_interval_is_narrower_than_an_unpaired_one():
    draw = np.random.default_rng(11)
    y, before, after = _simulated(draw)
    low, high = _interval(y, before, after, 1)
    unpaired = [
        _resampled(before == y, draw).mean() - _resampled(after == y, draw).mean()
        for _ in range(400)
    ]
    wide_low, wide_high = np.quantile(unpaired, [0.025, 0.975])
    assert high - low < 0.8 * (wide_high - wide_low)


def _interval(y, one, other, seed):
    paired = statistics.accuracy_losses(y, one, other)
    return statistics.paired_interval(paired, 300, seed)


def _simulated(draw, count: int = 300):
    """0.9 right before; then 0.08 of all are lost and 0.03 won: a drop of 0.05."""
    fate = draw.choice(4, size=count, p=[0.82, 0.08, 0.03, 0.07])
    y = np.zeros(count, int)
    return y, (fate >= 2).astype(int), np.isin(fate, (1, 3)).astype(int)


def _resampled(values, draw):
    return values[draw.integers(len(values), size=len(values))]
