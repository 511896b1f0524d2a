"""The simulation of several hosts: worked examples."""

from __future__ import annotations

import pytest

from benchmarks.hosts import COUNTS, Step, last_that_pays

STEP = Step(seconds=0.1, batch=32, gradient=1_000_000)


def test_one_host_does_not_communicate():
    assert STEP.rate(1, bandwidth=1.0, latency=9.0) == pytest.approx(320)


def test_a_ring_sends_the_gradients_twice_but_for_a_share():
    # 2 * 3/4 * 1 MB at 10 MB/s, and 6 messages of 10 ms, after 0.1 s.
    expected = 4 * 32 / (0.1 + 0.15 + 0.06)
    assert STEP.rate(4, bandwidth=1e7, latency=0.01) == pytest.approx(expected)


def test_hosts_pay_while_half_of_their_time_is_computing():
    assert last_that_pays([10, 20, 30, 40, 79, 150]) == 8
    fast = [STEP.rate(count, 1e9, 0.0) for count in COUNTS]
    slow = [STEP.rate(count, 5e6, 0.0) for count in COUNTS]
    assert (last_that_pays(fast), last_that_pays(slow)) == (64, 1)
