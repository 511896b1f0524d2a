"""Numbers and anomalies through the chain as far as the student, by the real CLI."""

from __future__ import annotations

import csv
import json
import re

import pytest
from PIL import Image

from tests.conftest import Answer, Project

pytestmark = pytest.mark.slow  # tests/e2e/chain has the same tasks in `make test`
TEXT = {
    "r2": """\
seed: 3
data: {source: "sklearn:diabetes", task: regression}
augment: {policy: "jitter(0.05)"}
tune: {trials: 3, epochs: 6, finalists: 1, batch_size: 16, objective: accuracy_and_size}
train: {epochs: 20, monitor: r2, replicates: 2, folds: 2, loss: huber}
distill: {epochs: 12, replicates: 1, width: 0.5, monitor: r2}
""",
    "auc": """\
seed: 3
data: {source: "sklearn:digits", task: anomaly_detection, normal: ["0", "1"]}
augment: {policy: "shift(1)"}
tune: {builder: "autoencoder:mlperf_tiny", trials: 2, epochs: 3, finalists: 1}
train: {epochs: 12, monitor: auc}
distill: {epochs: 12, replicates: 1, width: 0.5}
""",
}
NAMES = {"r2": "R2", "auc": "AUC"}
BUILDERS = {"r2": "mlp", "auc": "autoencoder:mlperf_tiny"}
LEAST = {"r2": 0.25, "auc": 0.8}


@pytest.fixture(scope="module", params=TEXT)
def front(request, tmp_path_factory) -> tuple[str, Project, dict[str, Answer]]:
    made = Project(tmp_path_factory.mktemp(request.param))
    made.write(TEXT[request.param])
    stages = ("tune", "train", "distill")
    return request.param, made, {name: made.run("run", name) for name in stages}


def read(project: Project, name: str):
    return json.loads((project.small / name).read_text())


def test_every_stage_ends_and_tells_the_measure(front):
    key, _, answers = front
    for stage, answer in answers.items():
        assert answer.code == 0, answer.err
        assert "accuracy" not in answer.out and "points" not in answer.out
        what = "best " if stage == "tune" else f"best {NAMES[key]} 0."
        assert what in answer.lines[stage]
    assert re.search(
        rf"teacher gain [+-]0\.\d+ {NAMES[key]}", answers["distill"].lines["distill"]
    )


def test_the_search_scores_by_it(front):
    key, project, _ = front
    rows = read(project, "tune/trials.json")["trials"]
    best = read(project, "tune/best.json")
    assert {row["status"] for row in rows} <= {"ok", "stopped", "duplicate"}
    assert best["builder"] == BUILDERS[key] and -1 < best["score"] <= 1
    assert max(row["score"] for row in rows) > 0
    for name in ("trials", "history", "parallel"):
        with Image.open(project.small / "tune" / f"{name}.png") as picture:
            assert min(picture.size) > 100


def test_the_model_is_better_than_chance_and_its_history_has_the_measure(front):
    key, project, _ = front
    for stage in ("train", "distill"):
        with (project.small / stage / "history.csv").open() as file:
            rows = list(csv.DictReader(file))
        assert f"val_{key}" in rows[0] and (key in rows[0]) == (key == "r2")
        assert "accuracy" not in rows[0] and "val_accuracy" not in rows[0]
    assert read(project, "train/metrics.json")["best"][f"val_{key}"] > LEAST[key]


def test_replicates_and_folds_are_told_under_its_key(front):
    key, project, _ = front
    if key == "r2":
        for name in ("replicates", "cross_validation"):
            found = read(project, f"train/{name}.json")
            assert len(found["r2"]) == 2 and "accuracy" not in found


def test_the_gain_is_in_its_unit_and_the_student_is_smaller(front):
    key, project, _ = front
    found = read(project, "distill/gain.json")
    assert f" {NAMES[key]}" in found["verdict"] and "points" not in found["verdict"]
    teacher, student = (read(project, f"{s}/model.json") for s in ("train", "distill"))
    assert student["weights"] < 0.6 * teacher["weights"]
    assert (project.small / "distill" / "student.keras").exists()


def test_what_tune_fixed_is_what_train_used(front):
    key, project, _ = front
    if key == "r2":  # tune.batch_size 16, of 265 examples: 16 steps an epoch
        speed = read(project, "train/run.json")["volatile"]["speed"]
        assert speed["steps_per_execution"] == 16
