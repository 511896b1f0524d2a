"""`train.pretrain` and `train.labelled` by the command line."""

from __future__ import annotations

import csv
import json

from tests.conftest import Project

FEW = ("train.labelled=0.3", "train.pretrain.method=masked", "train.pretrain.epochs=2")


def test_a_run_pretrains_and_uses_few_labels(copied: Project):
    sets = [word for text in FEW for word in ("--set", text)]
    answer = copied.run("run", "train", *sets)
    assert answer.code == 0, answer.out + answer.err
    train = copied.small / "train"
    metrics = json.loads((train / "metrics.json").read_text())
    data = json.loads((copied.small / "data" / "metrics.json").read_text())
    assert 0.25 < metrics["labelled"] / data["stored_train"] < 0.35
    with (train / "pretraining.csv").open() as file:
        losses = [float(row["val_loss"]) for row in csv.DictReader(file)]
    assert len(losses) == 2
    assert metrics["pretraining"]["best_loss"] == round(min(losses), 9)


def test_a_method_that_cannot_work_is_refused_by_the_stage(copied: Project):
    answer = copied.run(
        "run",
        "train",
        "--set",
        "train.pretrain=contrastive",
        "--set",
        "augment.policy=",
    )
    assert answer.code == 2
    assert "train.pretrain: contrastive compares augmented views" in answer.err
