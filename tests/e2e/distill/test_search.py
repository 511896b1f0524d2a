"""A search for the student by the real CLI: limits, kill -9, and no candidate."""

from __future__ import annotations

import json
import shutil
import signal

import pytest

from tests.conftest import Project
from tests.helpers.waiting import wait_until

TEXT = """\
seed: 3
data: {source: "sklearn:digits"}
augment: {policy: "shift(1)"}
tune: {builder: mlp, trials: 1, epochs: 1, finalists: 1}
train: {epochs: 1}
distill:
  epochs: 2
  replicates: 1
  workers: 2
  search:
    limits: {bytes_int8: 12000}
    values: {layers: 1}
    trials: 3
    epochs: 1
    max_drop: 0.02
"""


@pytest.fixture(scope="module")
def searched(tmp_path_factory) -> Project:
    """A search that nothing disturbed."""
    made = Project(tmp_path_factory.mktemp("searched"))
    made.write(TEXT)
    answer = made.run("run", "distill")
    assert answer.code == 0, answer.err
    return made


def read(project: Project, name: str):
    return json.loads((project.small / "distill" / name).read_text())


def test_the_student_is_a_candidate_within_the_limits(searched):
    rows = read(searched, "search.json")["candidates"]
    trained = [row for row in rows if row["epochs"]]
    assert len(trained) == 3
    assert all(row["bytes_int8"] <= 12_000 for row in trained)
    refused = [row for row in rows if row["status"] == "infeasible"]
    assert all("over the limit of 12,000" in row["reason"] for row in refused)
    (winner,) = [row for row in rows if row["chosen"]]
    model = read(searched, "model.json")
    assert (model["builder"], model["values"]) == ("mlp", winner["values"])
    assert model["weights"] == winner["parameters"]
    lines = (searched.small / "distill" / "search.csv").read_text().splitlines()
    assert len(lines) == len(rows) + 1


def test_limits_that_no_candidate_meets_are_told_before_training(searched):
    answer = searched.run("run", "distill", "--set", "distill.search.limits.macs=20")
    assert answer.code == 2
    assert "none was trained; the nearest: mlp width=0.125" in answer.err
    assert "limit 20;" in answer.err


def test_a_space_of_one_model_is_told(searched):
    fixed = "{layers: 1, units: 32, dropout: 0.1, width: 0.5, activation: relu}"
    answer = searched.run("run", "distill", "--set", f"distill.search.values={fixed}")
    assert answer.code == 2 and "the space has one model" in answer.err


@pytest.mark.slow
def test_killed_and_begun_again_with_one_worker_it_publishes_the_same_bytes(
    searched, project
):
    project.write(TEXT.replace("workers: 2", "workers: 1"))
    for stage in ("data", "augment", "tune", "train"):
        shutil.copytree(searched.small / stage, project.small / stage)
    process = project.start("run", "distill", "--exp", "small")
    wait_until(lambda: recorded(project) >= 2)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert not (project.small / "distill").exists()
    answer = project.run("run", "distill")
    assert answer.code == 0, answer.err
    assert (
        read(project, "stage.json")["outputs"]
        == (read(searched, "stage.json")["outputs"])
    )


def recorded(project: Project) -> int:
    paths = list(project.small.glob(".scratch/distill-*/search.jsonl"))
    return len(paths[0].read_text().splitlines()) - 1 if paths else 0
