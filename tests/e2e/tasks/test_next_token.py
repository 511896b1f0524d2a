"""Text generation through the whole chain, by the real CLI, on a folder of texts."""

from __future__ import annotations

import json

import numpy as np
import pytest

from pipeline.inference.step_models import StatefulModel
from tests.conftest import Answer, Project
from tests.helpers.finished_chain import chosen_file, metrics_without_a_rule, read

TEXT = """\
seed: 3
data:
  source: corpus:texts
  task: next_token
  corpus: {length: 16}
tune: {builder: char_lm, trials: 1, epochs: 1, fix: {units: 32, blocks: 1}}
train: {epochs: 3, patience: 3, learning_rate: 0.01, batch_size: 16}
distill: {epochs: 1, replicates: 1, width: 0.5, batch_size: 16}
compress:
  sources: [baseline]
  recipes: [dynamic, "prune(0.5) | int8"]
  epochs: 1
  budget: {max_drop: 9}
evaluate: {resamples: 100}
"""
WORDS = ("a", "small", "text", "of", "few", "words", "that", "repeats")


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> tuple[Project, Answer]:
    project = Project(tmp_path_factory.mktemp("texts"))
    rng = np.random.default_rng(1)
    (project.folder / "texts").mkdir()
    for number in range(12):
        words = rng.choice(WORDS, 120)
        path = project.folder / "texts" / f"{number}.txt"
        path.write_text(" ".join(words) + ".\n")
    project.write(TEXT)
    return project, project.run("run")


@pytest.mark.slow
class TestChain:
    def test_it_ends_with_a_verdict_in_its_metric(self, finished):
        project, answer = finished
        assert answer.code == 0, answer.err
        shown = project.run("show").out
        assert "bits per character" in shown and "accuracy" not in shown

    def test_the_metric_is_that_of_the_chosen_file(self, finished):
        project, _ = finished
        chosen = chosen_file(project)
        row = chosen.row
        assert row["bits_per_character"] == pytest.approx(chosen.metric(), abs=1e-6)
        names = [floor["name"] for floor in chosen.evaluation["floors"]]
        assert len(names) == 5 and any("Markov" in name for name in names)

    def test_golden_vectors_are_sequences_of_the_stateful_file(self, finished):
        project, _ = finished
        folder = project.small / "compress"
        chosen = read(project, "compress/pareto.json")["chosen"]
        best = (folder / "best_stateful.tflite").read_bytes()
        assert best == (folder / f"stateful/{chosen}.tflite").read_bytes()
        model = StatefulModel(folder / "best_stateful.tflite")
        with np.load(folder / f"stateful/{chosen}.npz") as golden:
            for tokens, logits in zip(golden["tokens"], golden["logits"]):
                model.reset()
                assert np.array_equal([model.stored(int(n)) for n in tokens], logits)

    def test_text_is_generated_token_by_token(self, finished):
        project, _ = finished
        options = ("generate", "small", "--length", "60", "--json")
        first, second, other = (
            project.cli(*options, "--prompt", "a small §", "--seed", seed)
            for seed in ("1", "1", "2")
        )
        assert first.code == 0, first.err
        row = json.loads(first.out)
        assert len(row["text"]) == 60 and row["method"] == "state"
        assert row["unknown"] == ["§"] and "has not read: §" in first.err
        texts = [json.loads(answer.out)["text"] for answer in (first, second, other)]
        assert texts[0] == texts[1] != texts[2]

    def test_a_prompt_without_a_known_character_is_one_error(self, finished):
        project, _ = finished
        answer = project.cli("generate", "small", "--prompt", "§§")
        assert answer.code == 2 and "no character of it" in answer.err
        assert len(answer.err.strip().splitlines()) == 1

    def test_predict_returns_the_likelihood_of_each_line(self, finished, tmp_path):
        project, _ = finished
        path = tmp_path / "lines.txt"
        path.write_text("a small text\n" + "of few words " * 3 + "\n")
        answer = project.cli("predict", "small", str(path), "--json")
        assert answer.code == 0, answer.err
        rows = json.loads(answer.out)
        assert [row["characters"] for row in rows] == [11, 15, 15, 8]
        assert all(row["bits"] > 0 for row in rows)

    def test_page_and_card_show_samples_and_how_to_read_the_output(self, finished):
        project, _ = finished
        page = (project.small / "report/index.html").read_text()
        card = (project.small / "report/model_card.md").read_text()
        assert "Text of the float baseline and the chosen file" in page
        samples = read(project, "compress/samples.json")["samples"]
        assert len(samples) == 6 and len(samples[0]["texts"]) == 2
        assert "def following(raw)" in card and "token numbers below" in card

    def test_a_tolerance_rule_names_every_metric(self, finished):
        project, _ = finished
        assert metrics_without_a_rule(project) == []
