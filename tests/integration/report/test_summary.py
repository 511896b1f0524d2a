from __future__ import annotations

import shlex

import pytest

from pipeline.core.invocation import MAKE
from pipeline.experiment.overrides import split_sets
from pipeline.report.experiment_data import read_experiment
from pipeline.report.summary import command, summarize


def test_the_chosen_and_the_baseline_are_whole_rows(published):
    facts = read_experiment(published.folders)
    summary = summarize(facts)
    assert summary["chosen"] == facts.row("student-int8")
    assert summary["baseline"] == facts.row("baseline-float")
    assert summary["nearest"] is None


def test_every_variant_is_listed_the_smallest_first(published):
    facts = read_experiment(published.folders)
    variants = summarize(facts)["variants"]
    sizes = [row["bytes_gzip"] for row in variants if row["file"]]
    assert sizes == sorted(sizes)
    assert {row["id"] for row in variants} == {row["id"] for row in facts.rows}


def test_where_nothing_is_chosen_the_nearest_miss_is_named(nothing_chosen):
    summary = summarize(read_experiment(nothing_chosen.folders))
    assert summary["chosen"] is None
    assert summary["nearest"]["id"] == "student-int8"


def test_the_nearest_miss_is_judged_on_validation_and_told_on_test(nothing_chosen):
    def alter(pareto):
        pareto["budget"] |= {"max_bytes": None, "max_drop": 0.0}
        for point in pareto["points"]:
            point["drop"] = 0.001 if point["id"] == "baseline-int8" else 0.2

    nothing_chosen.change("compress", "pareto.json", alter)
    nearest = summarize(read_experiment(nothing_chosen.folders))["nearest"]
    assert nearest["id"] == "baseline-int8"
    assert nearest["drop"] == 2 / 200


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        ([], "make all EXP=toys"),
        (["seed=2"], "make all EXP=toys SET=seed=2"),
        (["seed=2", "train.epochs=3"], "make all EXP=toys SET='seed=2 train.epochs=3'"),
    ],
)
def test_the_command_repeats_the_overrides(overrides, expected, monkeypatch):
    monkeypatch.setenv(MAKE, "1")
    assert command("toys", overrides) == expected


def test_a_pipe_in_an_override_survives_the_shell_and_make(monkeypatch):
    monkeypatch.setenv(MAKE, "1")
    text = command("toys", ["augment.policy=flip | shift(1)"])
    (setting,) = shlex.split(text)[3:]
    assert split_sets(setting.removeprefix("SET=")) == [
        "augment.policy=flip | shift(1)"
    ]
