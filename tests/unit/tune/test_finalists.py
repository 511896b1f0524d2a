"""The finals: new seeds decide, the defaults take part, and a kill costs nothing."""

from __future__ import annotations

import pytest

from pipeline.core.determinism import derive_seed
from pipeline.tune.finalists import completed_trials, rank_finalists
from tests.helpers.tune_toys import searching, train


def lucky(values, epochs, seed, thresholds, path=None):
    """Trial 3's own seed is lucky; its new ones are not."""
    result = train(values, epochs, seed, thresholds)
    luck = 0.5 if seed == derive_seed(5, "trial", 3) else 0
    return {**result, "score": result["score"] + luck}


@pytest.fixture
def search(tmp_path):
    settings = {
        "trials": 6,
        "finalists": 2,
        "seeds": 3,
        "early_termination": "none",
        "function": lucky,
    }
    made = searching(tmp_path, **settings)
    made.run()
    return made


def test_luck_does_not_win(search):
    assert completed_trials(search)[0].number == 3
    ranked = rank_finalists(search)
    means = [one.score for one in ranked]
    assert means == sorted(means, reverse=True) and ranked[0].score < 1
    assert 0 in {one.trial.number for one in ranked} and len(ranked) == 3
    assert all(len(one.scores) == 3 and one.spread is not None for one in ranked)


def test_what_was_trained_again_is_recorded(search, tmp_path):
    ranking = [(one.trial.number, one.scores) for one in rank_finalists(search)]

    def never(*args):
        raise AssertionError("trained again")

    settings = {
        "trials": 6,
        "finalists": 2,
        "seeds": 3,
        "early_termination": "none",
        "function": never,
    }
    again = searching(tmp_path, **settings)
    again.run()
    assert [(one.trial.number, one.scores) for one in rank_finalists(again)] == ranking


@pytest.mark.slow
def test_a_finalist_that_fails_stands_behind(search):
    winner = rank_finalists(search)[0].trial.number
    search.record.lines = {
        key: line for key, line in search.record.lines.items() if "/" not in key
    }

    def fails(values, epochs, seed, thresholds, path=None):
        if seed == derive_seed(5, "final", winner, 1):
            raise ValueError("the loss became nan")
        return lucky(values, epochs, seed, thresholds)

    search.train = fails
    last = rank_finalists(search)[-1]
    assert last.trial.number == winner and "nan" in last.failed


def test_one_candidate_is_not_trained_again(tmp_path):
    search = searching(tmp_path, trials=1, finalists=2)
    search.run()
    search.train = None
    (only,) = rank_finalists(search)
    assert only.spread is None and only.score == search.trials[0].result["score"]
