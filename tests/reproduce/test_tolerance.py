"""How far a metric may be from the lock's: stated per metric, and kept."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from pipeline.core.errors import UserError
from pipeline.engine.fingerprint import flatten
from pipeline.reproduce.snapshot import Entry, Snapshot
from pipeline.reproduce.tolerance import judge, read_tolerance, rule_of


def run(stage: str, metrics: dict, images: int = 1000) -> Snapshot:
    counts = {"examples": {"validation": images, "test": images}}
    entries = {"data": Entry("", {}, {}, counts), stage: Entry("", {}, {}, metrics)}
    return Snapshot("", entries, {})


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
    ("train", {"best": {"r2": 0.5}}, {"best": {"r2": 0.6}}, 0),  # of training: told
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
]


@pytest.mark.parametrize(("stage", "old", "new", "count"), CASES)
def test_a_metric_within_its_tolerance_passes_and_one_beyond_fails(
    stage, old, new, count
):
    assert len(judge(run(stage, old), run(stage, new))) == count


def test_two_images_count_more_than_half_a_point_of_few():
    old, new = {"best": {"val_accuracy": 0.95}}, {"best": {"val_accuracy": 0.96}}
    assert judge(run("train", old, 1000), run("train", new, 1000))
    assert not judge(run("train", old, 200), run("train", new, 200))


def test_the_text_says_what_was_allowed():
    old, new = {"best": {"val_loss": 0.1}}, {"best": {"val_loss": 0.2}}
    (broken,) = judge(run("train", old), run("train", new))
    assert broken.text == "train.best.val_loss 0.1 -> 0.2 (may differ by 3 %)"


def test_counts_of_examples_must_be_equal():
    old, new = run("train", {}, 1000), run("train", {}, 1001)
    assert [each.stage for each in judge(old, new)] == ["data", "data"]


def test_every_metric_of_the_chain_that_is_no_count_has_a_rule_of_its_own(finished):
    project, _ = finished
    for path in sorted(project.small.glob("*/metrics.json")):
        metrics = json.loads(path.read_text())
        for key, value in flatten(metrics, path.parent.name).items():
            assert not isinstance(value, float) or rule_of(key).kind != "exact", key


def test_a_lock_can_state_another_tolerance():
    stated = read_tolerance(["points=3"], {"loss": 10.0})
    assert (stated["points"], stated["loss"], stated["size"]) == (3, 10, 5)
    old, new = {"best": {"val_accuracy": 0.95}}, {"best": {"val_accuracy": 0.975}}
    before = run("train", old)
    assert judge(before, run("train", new))
    assert not judge(replace(before, tolerance=stated), run("train", new))


@pytest.mark.parametrize("text", ["points", "pionts=3", "points=-1", "loss=nan", "="])
def test_a_tolerance_that_is_none_is_refused(text):
    with pytest.raises(UserError, match="must be one of points=0.5"):
        read_tolerance([text], {})
