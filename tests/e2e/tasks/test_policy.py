"""A policy through the whole chain, by the real CLI, in short episodes."""

from __future__ import annotations

import json

import numpy as np
import pytest

from pipeline.tasks.metric import metric_of
from tests.conftest import Answer, Project
from tests.helpers.finished_chain import chosen_file, metrics_without_a_rule, read

pytest.importorskip("gymnasium", reason="gymnasium is not installed")

TEXT = """\
seed: 3
data:
  source: gym:CartPole-v1
  task: policy
  environment: {steps: 600, validation: 4, test: 6, max_steps: 60}
tune: {values: {units: 32, layers: 1}, trials: 1, epochs: 1, finalists: 1}
train:
  epochs: 3
  learning_rate: 0.003
  q_learning: {steps: 400, warmup: 100, exploration: 600, target_period: 50}
distill: {epochs: 2, replicates: 1, width: 0.25, learning_rate: 0.01}
compress:
  sources: [student]
  recipes: [int8, qat]
  epochs: 1
  budget: {max_drop: 60}
evaluate: {resamples: 100}
"""


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> tuple[Project, Answer]:
    project = Project(tmp_path_factory.mktemp("policy"))
    project.write(TEXT)
    return project, project.run("run")


@pytest.mark.slow
class TestChain:
    def test_it_ends_with_a_verdict_in_its_metric(self, finished):
        project, answer = finished
        assert answer.code == 0, answer.err
        assert "mean return" in project.run("show").out.lower()

    def test_returns_are_those_of_the_seeds_and_above_random_actions(self, finished):
        project, _ = finished
        chosen = chosen_file(project)
        episodes = read(project, "evaluate/episodes.json")
        returns = episodes["returns"][chosen.row["id"]]
        assert episodes["seeds"] == list(range(2_000_000, 2_000_006))
        assert chosen.row["mean_return"] == pytest.approx(np.mean(returns))
        rollout = metric_of(chosen.spec).rollout
        assert rollout is not None
        assert rollout(chosen.model.predict, chosen.y).tolist() == returns
        assert max(returns) <= 60
        (floor,) = chosen.evaluation["floors"]
        assert floor["name"] == "random actions" and floor["mean_return"] < 40

    def test_page_card_and_metadata_say_how_to_act(self, finished):
        project, _ = finished
        page = (project.small / "report/index.html").read_text()
        card = (project.small / "report/model_card.md").read_text()
        assert "Return of each seed" in page and "2000005" in page
        assert "def act(raw)" in card
        meaning = read(project, "compress/metadata.json")
        assert meaning["actions"] == ["0", "1"]
        assert "model_data_action" in (
            project.small / "compress/kit/result.h"
        ).read_text().replace("MODEL_DATA", "model_data")

    def test_predict_names_the_action_of_each_row(self, finished):
        project, _ = finished
        names = ",".join(f"observation_{k}" for k in range(4))
        path = project.folder / "now.csv"
        path.write_text(f"{names}\n0,0,0.1,1.0\n0,0,-0.1,-1.0\n")
        answer = project.cli("predict", "small", str(path), "--json")
        assert answer.code == 0, answer.err
        actions = [row["action"] for row in json.loads(answer.out)]
        assert set(actions) <= {"0", "1"} and len(actions) == 2

    def test_a_tolerance_rule_names_every_metric(self, finished):
        project, _ = finished
        assert metrics_without_a_rule(project) == []


@pytest.mark.parametrize(
    ("name", "words"),
    [("Pendulum-v1", "continuous actions"), ("CartPol-v1", "no such environment")],
)
def test_an_unsuitable_environment_is_an_error_before_any_work(tmp_path, name, words):
    project = Project(tmp_path)
    project.write(TEXT.replace("CartPole-v1", name))
    answer = project.run("run")
    assert answer.code == 2 and words in answer.err
    assert not (project.small / "data").exists()
