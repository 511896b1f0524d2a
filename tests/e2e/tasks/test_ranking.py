"""A ranking through the whole chain, by the real CLI, on a table of interactions."""

from __future__ import annotations

import json

import numpy as np
import pytest

from tests.conftest import Answer, Project
from tests.helpers.finished_chain import chosen_file, metrics_without_a_rule, read

RANKING = """\
seed: 3
data:
  source: csv:taken.csv
  task: ranking
  interactions: {length: 4}
tune: {builder: two_tower, trials: 1, epochs: 1, fix: {embedding: 8, units: 8}}
train: {epochs: 4, patience: 4, learning_rate: 0.02, batch_size: 64}
distill: {epochs: 1, replicates: 1, width: 0.5, batch_size: 64}
compress:
  sources: [baseline]
  recipes: [int8, "quantize_weights(4, all) | dynamic"]
  epochs: 1
  budget: {max_drop: 0.5}
evaluate: {resamples: 100}
"""


def table() -> str:
    """Users who take items of a circle in its order, in both directions."""
    rng, rows = np.random.default_rng(1), ["user,item,time"]
    for user in range(80):
        start, step = rng.integers(20), 1 if user % 2 else -1
        for k in range(rng.integers(5, 9)):
            rows.append(f"u{user},i{(start + step * k) % 20},{100 * k + user}")
    return "\n".join(rows) + "\n"


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> tuple[Project, Answer]:
    project = Project(tmp_path_factory.mktemp("ranking"))
    (project.folder / "taken.csv").write_text(table())
    project.write(RANKING)
    return project, project.run("run")


@pytest.mark.slow
class TestChain:
    def test_it_ends_with_a_verdict_in_its_metric(self, finished):
        project, answer = finished
        assert answer.code == 0, answer.err
        shown = project.run("show").out
        assert "NDCG@10" in shown and "accuracy" not in shown

    def test_the_metric_is_that_of_the_chosen_file(self, finished):
        project, _ = finished
        chosen = chosen_file(project)
        assert chosen.row["ndcg_at_10"] == pytest.approx(chosen.metric(), abs=1e-6)
        names = [floor["name"] for floor in chosen.evaluation["floors"]]
        assert names[0] == "the most popular items" and "Markov" in names[1]
        examples = read(project, "evaluate/recommendations.json")["examples"]
        assert len(examples) == 12 and len(examples[0]["chosen"]) == 5

    def test_predict_recommends_items_that_were_not_taken(self, finished, tmp_path):
        project, _ = finished
        path = tmp_path / "users.txt"
        path.write_text("u1\nnobody\ti3\ti4\n")
        answer = project.cli("predict", "small", str(path), "--json")
        assert answer.code == 0, answer.err
        first, second = json.loads(answer.out)
        rows = [line.split(",") for line in table().splitlines()]
        taken = {item for user, item, _ in rows if user == "u1"}
        assert first["user"] == "u1" and len(first["items"]) == 10
        assert len(taken) >= 5 and not taken & {*first["items"]}
        assert second["unknown"] == ["nobody"] and "i4" not in second["items"]
        assert "names that training does not have: nobody" in answer.err

    def test_page_and_card_show_rankings_and_how_to_read_the_output(self, finished):
        project, _ = finished
        page = (project.small / "report/index.html").read_text()
        card = (project.small / "report/model_card.md").read_text()
        assert "First items of the float baseline and the chosen file" in page
        assert "def recommend(raw" in card and "`ranking_rows`" in card

    def test_a_tolerance_rule_names_every_metric(self, finished):
        project, _ = finished
        assert metrics_without_a_rule(project) == []
