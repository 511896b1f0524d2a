"""A user's own task, where lower is better, through the whole chain by the real CLI."""

from __future__ import annotations

import re
import shutil

import numpy as np
import pytest

from tests.conftest import Answer, Project
from tests.helpers.finished_chain import read
from tests.helpers.project import ROOT

TEXT = """\
seed: 3
data: {source: "npz:numbers.npz", task: "quantile_task:TASK"}
tune: {trials: 2, epochs: 1, finalists: 1, space: {learning_rate: [0.01, 0.00001]}}
train: {epochs: 3, monitor: pinball}
distill: {epochs: 2, replicates: 1, width: 0.5}
compress: {sources: [baseline], recipes: [int8], budget: {max_drop: 0.2}}
evaluate: {resamples: 100, examples: 20}
"""
FILES = ROOT / "tests" / "helpers" / "tasks" / "quantiles"


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> tuple[Project, Answer]:
    project = Project(tmp_path_factory.mktemp("quantiles"))
    rng = np.random.default_rng(1)
    x = rng.normal(size=(200, 4))
    y = 3 * x[:, 0] + rng.normal(size=200) + 20
    np.savez(project.folder / "numbers.npz", x=x, y=y)
    shutil.copytree(FILES, project.folder, dirs_exist_ok=True)
    project.write(TEXT)
    return project, project.run("run")


def test_the_chain_ends_with_a_verdict_in_its_metric(finished):
    project, answer = finished
    assert answer.code == 0, answer.err
    shown = project.run("show").out
    assert "pinball loss" in shown and "on test (" in shown
    assert "R2" not in shown


def test_the_search_and_the_fit_prefer_the_lower_value(finished):
    project, _ = finished
    trials = read(project, "tune/trials.json")["trials"]
    best = min(trials, key=lambda trial: trial["score"])
    assert read(project, "tune/best.json")["trial"] == best["trial"]
    header, *rows = (project.small / "train/history.csv").read_text().splitlines()
    column = header.split(",").index("val_pinball")
    values = [float(row.split(",")[column]) for row in rows]
    assert read(project, "train/metrics.json")["best"]["val_pinball"] == min(values)


def test_a_drop_is_what_the_loss_has_risen(finished):
    project, _ = finished
    pareto = read(project, "compress/pareto.json")
    points = {point["id"]: point for point in pareto["points"]}
    baseline, quantized = points["baseline-float"], points["baseline-int8"]
    assert quantized["drop"] == quantized["pinball"] - baseline["pinball"]
    low, high = quantized["drop_interval"]
    assert low <= high and baseline["drop_interval"] == [0.0, 0.0]
    assert pareto["task"] == "quantile_task:TASK" and pareto["chosen"]
    better = [p for p in points.values() if p["pinball"] < quantized["pinball"]]
    smaller = [p for p in better if p["bytes_flash"] <= quantized["bytes_flash"]]
    assert quantized["dominated"] == bool(smaller)


def test_page_and_card_have_its_metric_and_its_section(finished):
    project, _ = finished
    page = (project.small / "report/index.html").read_text()
    card = (project.small / "report/model_card.md").read_text()
    assert "Coverage of the quantiles" in page and "quantiles of label" in page
    assert "| pinball loss | interval" in card and "def quantiles(raw)" in card
    texts = re.sub(r"data:image/png;base64,[^\"]*", "", page) + card
    assert not re.search(r"\bR2\b", texts)
    rows = read(project, "evaluate/evaluation.json")["variants"]
    assert all(0 <= row["coverage"] <= 1 for row in rows)
    assert all(row["pinball_interval"] for row in rows)


def test_predict_says_what_the_task_says(finished):
    project, _ = finished
    np.save(project.folder / "one.npy", np.zeros((1, 4), np.float32))
    answer = project.cli("predict", "small", "one.npy")
    assert answer.code == 0, answer.err
    assert "mostly" in answer.out


@pytest.mark.parametrize(
    ("part", "stale"),
    [("report", {"report"}), ("evaluation", {"evaluate", "report"})],
)
def test_an_edit_of_a_part_makes_only_its_stages_stale(finished, part, stale):
    project, _ = finished
    path = project.folder / f"quantile_{part}.py"
    text = path.read_text()
    path.write_text(text + "EDITED = True\n")
    try:
        planned = project.run("status").lines
    finally:
        path.write_text(text)
    cached = {name for name, line in planned.items() if line.startswith("cached")}
    assert not cached & stale and len(cached | stale) == 8, planned
