"""The search: what it decides depends on its seed and on results, on nothing else."""

from __future__ import annotations

import multiprocessing
import os
import signal

import pytest

from pipeline.tune.pareto import Point, front
from tests.helpers.tune_toys import (
    ALGORITHMS,
    die_at,
    quality,
    searching,
    slow,
    space,
    train,
    without_times,
)


@pytest.fixture(scope="module")
def straight(tmp_path_factory):
    """The trials of an uninterrupted search with one worker, by algorithm."""
    folder = tmp_path_factory.mktemp("straight")
    return {
        name: without_times(searching(folder / name, algorithm=name, trials=14).run())
        for name in ALGORITHMS
    }


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_the_first_trial_is_the_defaults(straight, algorithm):
    first = straight[algorithm][0][1]
    assert first == {"learning_rate": 1e-3, "dropout": 0.2, "filters": 8}


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_any_number_of_workers_gives_the_same_trials(straight, algorithm, tmp_path):
    search = searching(
        tmp_path, algorithm=algorithm, trials=14, workers=3, function=slow
    )
    assert without_times(search.run()) == straight[algorithm]


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_search_that_was_killed_goes_on_as_if_it_had_not(
    straight, algorithm, tmp_path
):
    """Kill -9 after 3 results, then after 8, then to the end; with two workers."""
    settings = {"algorithm": algorithm, "trials": 14, "workers": 2, "function": slow}
    for count in (3, 8):
        killed = multiprocessing.get_context("fork").Process(
            target=search_until, args=(tmp_path, count), kwargs=settings
        )
        killed.start()
        killed.join()
        assert killed.exitcode == -signal.SIGKILL
    lines = (tmp_path / "trials.jsonl").read_text().splitlines()
    assert 8 <= len(lines) - 1 < 14
    search = searching(tmp_path, **settings)
    assert without_times(search.run()) == straight[algorithm]


def search_until(folder, count, **settings):
    """A search that is killed after so many results."""
    searching(folder, report=die_at(count), **settings).run()


def test_another_seed_gives_other_trials(tmp_path, straight):
    search = searching(tmp_path, trials=14)
    search.oracle.inner._seed_state += 1
    assert without_times(search.run())[1:] != straight["random"][1:]


def test_what_is_recorded_is_not_trained_again(tmp_path):
    def never(*args):
        raise AssertionError("trained again")

    searching(tmp_path, trials=5).run()
    again = searching(tmp_path, trials=5, function=never).run()
    assert [trial.status for trial in again] == ["ok"] * 5


def test_the_values_are_distinct(straight):
    for trials in straight.values():
        keys = {(str(sorted(one[1].items())), one[2]) for one in trials}
        assert len(keys) == len(trials)


def test_a_small_space_ends_before_the_trials_do(tmp_path):
    for name in ("random", "grid", "bayesian"):
        config = only_filters()
        search = searching(tmp_path / name, config, algorithm=name, trials=50)
        found = sorted(trial.values["filters"] for trial in search.run())
        assert found == [1, 2, 3], name
        assert search.stop_reason == "the search space is exhausted"


def only_filters():
    from keras_tuner import HyperParameters

    hp = HyperParameters()
    hp.Choice("filters", [1, 2, 3])
    return {**hp.get_config(), "values": {}}


def test_grid_takes_every_combination_once(tmp_path):
    config = space(filters=(8, 16))
    config["space"] = [p for p in config["space"] if p["config"]["name"] != "x"][1:]
    trials = searching(tmp_path, config, algorithm="grid", trials=50, workers=3).run()
    pairs = {(t.values["dropout"], t.values["filters"]) for t in trials}
    assert len(pairs) == len(trials) == 5 * 2


def test_bayesian_search_finds_more_than_chance(tmp_path):
    best = {}
    for name in ("random", "bayesian"):
        search = searching(tmp_path / name, algorithm=name, trials=30, lookahead=1)
        best[name] = max(quality(trial.values) for trial in search.run())
    assert best["bayesian"] > best["random"]


def test_hyperband_gives_the_best_more_epochs_and_their_own_seed(straight):
    trials = straight["hyperband"]
    epochs = [one[2] for one in trials]
    assert epochs[:9] == [1] * 9 and max(epochs) > 1
    longer = [one for one in trials if one[2] > 1]
    first = {str(one[1]): one[3] for one in trials if one[2] == 1}
    assert all(one[3] == first[str(one[1])] for one in longer if str(one[1]) in first)
    assert any(str(one[1]) in first for one in longer)


def kills(values, epochs, seed, thresholds, path=None):
    if values["filters"] == 16:
        os.kill(os.getpid(), signal.SIGKILL)
    return train(values, epochs, seed, thresholds)


def test_a_trial_whose_process_dies_is_recorded_and_the_search_goes_on(tmp_path):
    search = searching(tmp_path, only(16, 8, 24), function=kills, trials=3)
    trials = {trial.values["filters"]: trial for trial in search.run()}
    assert trials[16].status == "failed" and "SIGKILL" in trials[16].result["reason"]
    assert trials[8].status == trials[24].status == "ok"


def only(*filters):
    from keras_tuner import HyperParameters

    hp = HyperParameters()
    hp.Choice("filters", list(filters))
    return {**hp.get_config(), "values": {}}


def test_failures_in_a_row_do_not_end_a_search(tmp_path):
    def fails(values, epochs, seed, thresholds, path=None):
        raise ValueError("the loss became nan")

    trials = searching(tmp_path, function=fails, trials=7, algorithm="bayesian").run()
    assert [trial.status for trial in trials] == ["failed"] * 7
    assert "nan" in trials[0].result["reason"]


def test_the_infeasible_are_recorded_not_trained_and_not_counted(tmp_path):
    limits = {"parameters": 1700}
    search = searching(tmp_path, trials=6, limits=limits, early_termination="none")
    trials = search.run()
    refused = [trial for trial in trials if trial.status == "infeasible"]
    assert refused and all(trial.values["filters"] > 16 for trial in refused)
    assert refused[0].result["reason"].startswith("parameters ")
    assert sum(trial.status == "ok" for trial in trials) == 6


def test_the_infeasible_steer_the_oracle(tmp_path):
    """A quarter of the space is feasible; of what it proposes later, much more."""
    search = searching(
        tmp_path,
        trials=16,
        limits={"macs": 8000},
        algorithm="bayesian",
        lookahead=1,
        early_termination="none",
    )
    late = [trial.status for trial in search.run()[8:]]
    assert late.count("ok") > 0.4 * len(late)


def test_all_infeasible_ends(tmp_path):
    trials = searching(tmp_path, trials=3, limits={"parameters": 1}).run()
    assert len(trials) == 12 and {t.status for t in trials} == {"infeasible"}


def test_no_improvement_ends_the_search(tmp_path):
    search = searching(tmp_path, trials=50, no_improvement=4, early_termination="none")
    trials = search.run()
    assert len(trials) < 50 and "no improvement" in search.stop_reason
    best = max(range(len(trials)), key=lambda n: trials[n].result["score"])
    assert len(trials) <= best + 1 + 4 + search.params.lookahead


def test_minutes_end_the_search(tmp_path):
    search = searching(tmp_path, trials=500, minutes=0.02, function=slow)
    assert 0 < len(search.run()) < 500 and "minutes" in search.stop_reason


def test_time_that_was_spent_before_a_kill_counts(tmp_path):
    """What is recorded is taken back whole, and nothing is begun after it."""
    before = searching(tmp_path, trials=500, minutes=0.02, function=slow).run()
    again = searching(tmp_path, trials=500, minutes=0.02, function=slow)
    assert without_times(again.run()) == without_times(before)


def test_bad_trials_are_stopped_on_their_way(tmp_path):
    whole = searching(tmp_path / "whole", trials=16, early_termination="none").run()
    cut = searching(tmp_path / "cut", trials=16, early_termination="median").run()
    assert {trial.status for trial in cut} == {"ok", "stopped"}
    spent = [sum(t.result["epochs"] for t in trials) for trials in (whole, cut)]
    assert spent[1] < 0.9 * spent[0]
    best = [max(t.result["score"] for t in trials) for trials in (whole, cut)]
    assert best[0] == best[1]


def test_values_that_were_there_are_answered_from_the_record(tmp_path):
    search = searching(tmp_path, only(8, 16), trials=3)
    ask = search.oracle.propose
    search.oracle.propose = lambda n: ask(n) or repeat(search, n)
    trials = search.run()[:3]
    assert [t.status for t in trials] == ["ok", "ok", "duplicate"]
    assert trials[2].result["score"] == trials[0].result["score"]


def repeat(search, number):
    """The first values once more, as an oracle of the shelf would propose them."""
    from pipeline.tune.oracles import Proposal

    if number > 2:
        return None
    inner = search.oracle.inner
    inner.initial, inner._duplicate = [dict(search.trials[0].values)], lambda v: False
    search.oracle.open[number] = inner.create_trial(f"again{number}")
    return Proposal(dict(search.trials[0].values))


def test_only_the_models_of_the_best_are_kept(tmp_path):
    def saves(values, epochs, seed, thresholds, path):
        path.parent.mkdir(exist_ok=True)
        path.write_text(str(seed))
        return train(values, epochs, seed, thresholds)

    search = searching(tmp_path, trials=8, keep_models=2, function=saves)
    trials = sorted(search.run(), key=lambda t: -t.result["score"])
    kept = {path.name for path in search.models.iterdir()}
    assert kept == {f"{trial.number}.keras" for trial in trials[:2]}


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_accuracy_and_size_gives_a_front(tmp_path, algorithm):
    settings = {"trials": 14, "objective": "accuracy_and_size"}
    search = searching(tmp_path, algorithm=algorithm, **settings)
    results = [(t.number, t.result) for t in search.run()]
    optimal = front([Point(n, r["score"], r["bytes_int8"]) for n, r in results])
    sizes = [point.size for point in optimal]
    assert sizes == sorted(set(sizes)) and len(optimal) >= 2
    scores = [point.score for point in optimal]
    assert scores == sorted(set(scores))


@pytest.mark.parametrize(
    ("params", "reason"),
    [
        ({"trials": 14, "no_improvement": 2}, "no improvement in 2 trials"),
        ({"trials": 14, "minutes": 1e-9}, "the limit of 1e-09 minutes is reached"),
        ({"trials": 3, "no_improvement": 2}, ""),  # all were trained
        ({"trials": 3}, ""),
    ],
)
def test_the_reason_of_an_early_end_is_reported(tmp_path, params, reason):
    search = searching(tmp_path / "s", early_termination="none", **params)
    search.run()
    assert search.ended_early == reason
    assert bool(reason) == (len(search.trials) < params["trials"])


def test_a_space_that_is_used_up_ends_the_search_and_says_so(tmp_path):
    few = space(filters=(8, 16))
    few["space"] = [part for part in few["space"] if "filters" in str(part)]
    search = searching(tmp_path / "s", few, algorithm="grid", trials=9)
    search.run()
    assert (len(search.trials), search.ended_early) == (
        2,
        "the search space is exhausted",
    )
