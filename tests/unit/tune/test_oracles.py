"""Keras Tuner's oracles: fast enough, and never stuck."""

from __future__ import annotations

import time

import pytest

from pipeline.tune.oracles import Oracle, trials_per_pass
from tests.helpers.tune_toys import ALGORITHMS, quality, space

TRIALS = 30


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_proposal_costs_at_most_a_tenth_of_a_trial_of_two_seconds(algorithm):
    """In processor time, so that a busy machine does not count."""
    oracle = Oracle(algorithm, space(), 1, [], TRIALS, 9)
    begin = time.process_time()
    for number in range(TRIALS):
        oracle.learn(number, quality(oracle.propose(number).values))
    assert (time.process_time() - begin) / TRIALS < 0.2


def test_many_trials_do_not_slow_the_gaussian_process_down():
    oracle = Oracle("bayesian", space(), 1, [], 300, 9)
    oracle.inner.num_initial_points = 300  # at random, which costs nothing
    for number in range(300):
        oracle.learn(number, quality(oracle.propose(number).values))
    begin = time.process_time()
    oracle.propose(300)
    assert time.process_time() - begin < 0.4


def test_equal_seeds_propose_equal_values():
    runs = [Oracle("bayesian", space(), seed, [], 12, 9) for seed in (1, 1, 2)]
    found = [[], [], []]
    for number in range(12):
        for one, values in zip(runs, found):
            values.append(one.propose(number).values)
            one.learn(number, quality(values[-1]))
    assert found[0] == found[1] != found[2]


def test_initial_values_come_first():
    initial = [{"learning_rate": 1e-3, "dropout": 0.1, "filters": 8}] * 2
    oracle = Oracle("bayesian", space(), 1, initial, 12, 9)
    first, second = oracle.propose(0).values, oracle.propose(1).values
    assert first == initial[0] != second  # not twice


@pytest.mark.parametrize(("epochs", "count"), [(9, 23), (15, 30), (1, 1)])
def test_a_pass_of_hyperband(epochs, count):
    oracle = Oracle("hyperband", space(), 1, [], 99, epochs)
    number = 0
    while oracle.inner._current_iteration == 0:
        proposal = oracle.propose(number)
        oracle.learn(number, quality(proposal.values))
        number += 1
    assert trials_per_pass(epochs) == number - 1 == count
