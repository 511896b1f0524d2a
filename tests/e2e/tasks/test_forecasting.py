"""Forecasting through the whole chain, by the real CLI, on a table with two series."""

from __future__ import annotations

import csv
import json
from datetime import date, timedelta

import numpy as np
import pytest

from tests.conftest import Answer, Project
from tests.helpers.finished_chain import chosen_file, metrics_without_a_rule, read

TEXT = """\
seed: 3
data:
  source: csv:sales.csv
  task: forecasting
  series:
    time: day
    id: shop
    targets: [sold]
    known: [open]
    window: 14
    horizon: 3
    season: 7
    anchor: mean
    quantiles: [0.1, 0.5, 0.9]
augment: {policy: "jitter(0.02)"}
tune: {trials: 1, epochs: 1, finalists: 1}
train: {epochs: 8, patience: 8, learning_rate: 0.01, batch_size: 32, folds: 2}
distill: {epochs: 1, replicates: 1, width: 0.5, batch_size: 32}
compress:
  sources: [student]
  recipes: [int8, "prune(0.5) | pqat"]
  epochs: 1
  budget: {max_drop: {mase: 9, smape: 1.5}}
evaluate: {resamples: 100, examples: 4}
"""
DAYS, HORIZON = 160, 3


def sales(days: int, seed: int = 1) -> list[list]:
    rng = np.random.default_rng(seed)
    lines: list[list] = [["day", "shop", "sold", "open"]]
    for shop, size in (("north", 100), ("south", 20)):
        for k in range(days):
            opened = int((k // 7) % 3 > 0)
            value = size * (2 + np.sin(k * 2 * np.pi / 7) + 0.5 * opened)
            value += size * (0.01 * k + 0.1 * rng.normal())
            day = date(2026, 1, 1) + timedelta(days=k)
            lines.append([day, shop, f"{value:.2f}", opened])
    return lines


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> tuple[Project, Answer]:
    project = Project(tmp_path_factory.mktemp("sales"))
    write(project.folder / "sales.csv", sales(DAYS))
    project.write(TEXT)
    return project, project.run("run")


def write(path, lines):
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(lines)
    return path


@pytest.mark.slow
class TestChain:
    def test_it_ends_with_a_verdict_in_its_metric(self, finished):
        project, answer = finished
        assert answer.code == 0, answer.err
        assert "MASE" in project.run("show").out

    def test_the_metric_is_that_of_the_chosen_file(self, finished):
        project, _ = finished
        chosen = chosen_file(project)
        row = chosen.row
        assert row["mase"] == pytest.approx(chosen.metric(), abs=1e-9)
        assert 0 <= row["coverage"] <= 1 and len(row["steps"]) == HORIZON
        (floor,) = chosen.evaluation["floors"]
        assert "7 steps earlier" in floor["name"]

    def test_page_card_and_metadata_say_how_to_read_the_output(self, finished):
        project, _ = finished
        page = (project.small / "report/index.html").read_text()
        card = (project.small / "report/model_card.md").read_text()
        assert "MASE of each step" in page and "Forecasts and the truth" in page
        assert "def predict(raw, level)" in card
        meaning = read(project, "compress/metadata.json")
        assert meaning["target"]["horizon"] == HORIZON
        assert "mean of its window" in meaning["scaling"]

    def test_predict_writes_the_next_steps_with_their_times(self, finished):
        project, _ = finished
        path = write(project.folder / "now.csv", with_plan(sales(60)))
        answer = project.cli("predict", "small", str(path), "--json")
        assert answer.code == 0, answer.err
        rows = json.loads(answer.out)
        assert [row["series"] for row in rows] == ["north", "south"]
        assert rows[0]["times"] == ["2026-02-27", "2026-02-28", "2026-03-01"]
        assert rows[0]["forecast"]["sold"][0] > rows[1]["forecast"]["sold"][0]
        table = project.folder / "next.csv"
        assert project.cli("predict", "small", str(path), "--csv", str(table)).code == 0
        lines = list(csv.reader(table.open()))
        assert len(lines) == 1 + 2 * HORIZON
        assert lines[0][:4] == ["input", "series", "time", "sold"]
        assert float(lines[1][3]) == rows[0]["forecast"]["sold"][0]

    def test_folds_of_training_are_in_the_order_of_time(self, finished):
        project, _ = finished
        metrics = read(project, "train/metrics.json")
        assert "folds" in json.dumps(metrics)

    def test_a_tolerance_rule_names_every_metric(self, finished):
        project, _ = finished
        assert metrics_without_a_rule(project) == []


def with_plan(lines: list[list]) -> list[list]:
    """Rows of a present, followed by those of the plan without sales."""
    header, *rows = lines
    future = len(rows) // 2 - HORIZON
    for row in rows:
        if (row[0] - date(2026, 1, 1)).days >= future:
            row[2] = ""
    return [header, *rows]
