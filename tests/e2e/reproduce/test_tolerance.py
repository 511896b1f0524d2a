"""The rule of every metric: how far it may differ from the lock, and why."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.core.errors import UserError
from pipeline.reproduce.metric_check import MetricChanges, check_metrics
from pipeline.reproduce.snapshot import Entry, Snapshot
from pipeline.reproduce.tolerance import (
    KINDS,
    RULES,
    flat_metrics,
    read_tolerance,
    rule_of,
)
from tests.helpers.project import ROOT


def run(stage: str, metrics: dict, images: int = 1000) -> Snapshot:
    counts = {"examples": {"validation": images, "test": images}}
    entries = {"data": Entry("", {}, {}, counts), stage: Entry("", {}, {}, metrics)}
    return Snapshot("", entries, {})


def checked(stage: str, old: dict, new: dict, images: int = 1000) -> MetricChanges:
    return check_metrics(run(stage, old, images), run(stage, new, images))


CASES = [
    ("train", {"best": {"val_accuracy": 0.95}}, {"best": {"val_accuracy": 0.954}}, 0),
    ("train", {"best": {"val_accuracy": 0.95}}, {"best": {"val_accuracy": 0.956}}, 1),
    ("train", {"best": {"val_accuracy": 0.95}}, {"best": {"val_accuracy": 0.944}}, 1),
    ("train", {"best": {"val_loss": 0.1}}, {"best": {"val_loss": 0.1029}}, 0),
    ("train", {"best": {"val_loss": 0.1}}, {"best": {"val_loss": 0.104}}, 1),
    ("train", {"best": {"val_loss": 0.1}}, {"best": {}}, 1),
    ("train", {"best": {"val_loss": 0.1}}, {"best": {"val_loss": float("nan")}}, 1),
    ("train", {"best": {"val_r2": 0.5}}, {"best": {"val_r2": 0.504}}, 0),
    ("train", {"best": {"val_r2": 0.5}}, {"best": {"val_r2": 0.506}}, 1),
    ("train", {"best": {"r2": 0.5}}, {"best": {"r2": 0.6}}, 0),  # on training batches
    ("evaluate", {"auc": {"a": 0.9}}, {"auc": {"a": 0.91}}, 1),
    ("compress", {"r2": 0.9, "drop": 0.1}, {"r2": 0.902, "drop": 0.099}, 0),
    ("train", {"epochs": 10, "weights": 5}, {"epochs": 12, "weights": 9}, 0),
    ("train", {"headline": "a"}, {"headline": "b"}, 0),
    ("train", {"best": {"accuracy": 0.8}}, {"best": {"accuracy": 0.9}}, 0),
    ("tune", {"best_trial": 0, "best_weights": 9}, {"best_trial": 3}, 0),
    ("tune", {"best_score": 0.95}, {"best_score": 0.954}, 0),
    ("tune", {"best_score": 0.95}, {"best_score": 0.944}, 1),
    ("tune", {"best_score": 0.95}, {}, 1),
    ("compress", {"bytes_gzip": 1000}, {"bytes_gzip": 1049}, 0),
    ("compress", {"bytes_gzip": 1000}, {"bytes_gzip": 1051}, 1),
    ("compress", {"variants": {"failed": 0}}, {"variants": {"failed": 1}}, 1),
    ("compress", {"accuracy": 0.9}, {"accuracy": None}, 1),
    ("evaluate", {"accuracy": {"a": 0.9}}, {"accuracy": {"a": 0.91}}, 1),
    ("augment", {"steps": 2}, {"steps": 3}, 1),
    ("data", {"numbers": {"test": {"low": 0.1}}}, {}, 1),
    ("train", {"extension": {"begun": "a"}}, {"extension": {"begun": "b"}}, 1),
    ("train", {"replicates": {"r2": [0.5, 0.6]}}, {"replicates": {"r2": [0.5]}}, 1),
    (
        "train",
        {"replicates": {"r2": [0.5, 0.6], "seeds": [1, 2]}},
        {"replicates": {"r2": [0.504, 0.596], "seeds": [1, 2]}},
        0,
    ),
    (
        "train",
        {"replicates": {"r2": [0.5, 0.6], "seeds": [1, 2]}},
        {"replicates": {"r2": [0.506, 0.6], "seeds": [1, 3]}},
        2,
    ),
    (
        "data",
        {"class_balance": {"test": [36, 35]}},
        {"class_balance": {"test": [35, 36]}},
        2,
    ),
]


@pytest.mark.parametrize(("stage", "old", "new", "count"), CASES)
def test_a_metric_within_its_tolerance_passes_and_one_beyond_fails(
    stage, old, new, count
):
    assert len(checked(stage, old, new).exceeded) == count


GAIN = {"gain": -0.0139, "interval": [-0.0277, -0.0001], "verdict": "a loss"}


def test_an_interval_and_a_verdict_are_reported_and_the_gain_is_checked():
    other = {"gain": -0.0159, "interval": [-0.0686, 0.0047], "verdict": "no gain"}
    metrics = checked("distill", {"gain": GAIN}, {"gain": other})
    assert metrics.exceeded == []
    names = [change.text.split()[0] for change in metrics.reported]
    ends = ["distill.gain.interval.0", "distill.gain.interval.1"]
    assert names == [*ends, "distill.gain.verdict"]
    far = checked("distill", {"gain": GAIN}, {"gain": {**GAIN, "gain": -0.03}})
    assert [change.text.split()[0] for change in far.exceeded] == ["distill.gain.gain"]


def test_the_chosen_variant_is_checked_where_the_same_one_is_chosen():
    old = {"chosen": "a", "bytes_gzip": 1000, "accuracy": 0.9, "drop": 0.0}
    smaller = {"chosen": "b", "bytes_gzip": 300, "accuracy": 0.87, "drop": 0.03}
    assert checked("compress", old, smaller).exceeded == []
    assert len(checked("compress", old, smaller).reported) == 4
    assert len(checked("compress", old, {**smaller, "chosen": "a"}).exceeded) == 3


def test_counts_that_follow_a_choice_are_exact_where_it_is_the_same():
    old, new = {"trials": 9}, {"trials": 5}
    assert checked("tune", old, new).exceeded
    assert not checked("tune", old, {**new, "ended_early": "flat"}).exceeded


def test_two_images_count_more_than_half_a_point_of_few():
    old, new = {"best": {"val_accuracy": 0.95}}, {"best": {"val_accuracy": 0.96}}
    assert checked("train", old, new, 1000).exceeded
    assert not checked("train", old, new, 200).exceeded


def test_the_text_says_what_was_allowed():
    old, new = {"best": {"val_loss": 0.1}}, {"best": {"val_loss": 0.2}}
    (change,) = checked("train", old, new).exceeded
    assert change.text == "train.best.val_loss 0.1 -> 0.2 (may differ by 3 %)"


def test_the_text_of_a_list_names_the_element():
    old, new = {"replicates": {"r2": [0.5]}}, {"replicates": {"r2": [0.6]}}
    (change,) = checked("train", old, new).exceeded
    assert change.text.startswith("train.replicates.r2.0 0.5 -> 0.6 ")


def test_counts_of_examples_must_be_equal():
    old, new = run("train", {}, 1000), run("train", {}, 1001)
    assert [change.stage for change in check_metrics(old, new).exceeded] == [
        "data",
        "data",
    ]


def test_rounding_of_the_targets_is_not_a_difference():
    old, new = {"numbers": {"test": {"low": 0.3}}}, {"numbers": {"test": {"low": 0.3}}}
    new["numbers"]["test"]["low"] += 1e-12
    assert not check_metrics(
        Snapshot("", {"data": Entry("", {}, {}, old)}, {}),
        Snapshot("", {"data": Entry("", {}, {}, new)}, {}),
    ).exceeded


# Metrics that only some experiments have, as the stages write them.
OPTIONAL = {
    "data": {
        "label_noise": 3,
        "anomalies_left_out_of_train": 4,
        "suspected_label_errors": 2,
        "also": {"speaker": 6},
        "numbers": {"train": {"low": 0.0, "three_quarters": 1.0}},
        "duplicates": {"dropped_from_train": 1},
    },
    "tune": {"ended_early": "no better trial in 20", "best_defaults": 0.9},
    "train": {
        "labelled": 12,
        "pretraining": {
            "method": "masked",
            "best_epoch": 3,
            "first_loss": 1.0,
            "best_loss": 0.9,
        },
        "warnings": ["logits/kernel: its gradient is 0"],
        "best": {"val_speaker_accuracy": 0.9, "val_age_r2": 0.4},
        "extension": {
            "begun": "before/1",
            "held_out_seen": 0,
            "before": 0.9,
            "after": 0.91,
            "gain": 0.01,
        },
        "replicates": {
            "seeds": [1, 2],
            "accuracy": [0.9, 0.91],
            "mean": 0.905,
            "spread": 0.007,
            "interval": [0.8, 0.95],
        },
        "cross_validation": {
            "folds": 2,
            "auc": [0.9, 0.91],
            "mean": 0.905,
            "spread": 0.007,
            "interval": None,
        },
        "pseudo_labels": {
            "seeds": [1],
            "with_pseudo_labels": [0.9],
            "without": [0.8],
            "gain": 0.1,
            "interval": None,
            "verdict": "+10 points in one run",
            "examples": [100],
            "labelled": [50],
            "believed": [50],
        },
    },
    "distill": {"gain": {"gain": 0.1, "interval": None, "verdict": "in one run"}},
    "compress": {"variants": {"screened": 2}, "bytes_raw": 100},
}


def unnamed(metrics: dict, stage: str) -> list[str]:
    return [name for name in flat_metrics(metrics, stage) if rule_of(name) is None]


@pytest.mark.parametrize("stage", OPTIONAL)
def test_a_rule_names_every_metric_that_some_experiments_have(stage):
    assert unnamed(OPTIONAL[stage], stage) == []


def published(folder: Path) -> Iterator[tuple[str, dict]]:
    paths = sorted(folder.glob("*/metrics.json"))
    assert len(paths) == 8
    for path in paths:
        yield path.parent.name, json.loads(path.read_text())


def test_a_rule_names_every_metric_of_a_classification(finished):
    project, _ = finished
    for stage, metrics in published(project.small):
        assert unnamed(metrics, stage) == []


def test_a_rule_names_every_metric_of_the_committed_lock():
    path = ROOT / "experiments" / "smoke" / "experiment.lock"
    for stage, entry in json.loads(path.read_text())["stages"].items():
        assert unnamed(entry["metrics"], stage) == []


@pytest.mark.parametrize("name", ["train.best.val_iou", "tune.best", "report.new", "x"])
def test_no_rule_names_an_unknown_metric_and_then_it_must_be_equal(name):
    assert rule_of(name) is None
    stage, _, key = name.partition(".")
    (change,) = checked(stage, {key: 1}, {key: 2}).exceeded if key else [None]
    assert change is None or "must be equal" in change.text


def test_every_rule_has_a_known_kind_and_a_reason():
    assert {rule.kind for rule in RULES} <= set(KINDS)
    assert all(rule.reason for rule in RULES)
    choices = {rule.choice for rule in RULES} - {""}
    kinds = {name: getattr(rule_of(name), "kind", None) for name in choices}
    assert set(kinds.values()) == {"reported"}


def test_a_lock_can_state_another_tolerance():
    stated = read_tolerance(["points=3"], {"loss": 10.0})
    assert (stated["points"], stated["loss"], stated["size"]) == (3, 10, 5)
    old, new = {"best": {"val_accuracy": 0.95}}, {"best": {"val_accuracy": 0.975}}
    before = run("train", old)
    assert check_metrics(before, run("train", new)).exceeded
    assert not check_metrics(
        replace(before, tolerance=stated), run("train", new)
    ).exceeded


@pytest.mark.parametrize("text", ["points", "pionts=3", "points=-1", "loss=nan", "="])
def test_a_tolerance_that_is_none_is_refused(text):
    with pytest.raises(UserError, match="must be one of points=0.5"):
        read_tolerance([text], {})
