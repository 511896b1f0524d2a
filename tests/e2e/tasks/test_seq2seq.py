"""Text pairs through the whole chain, by the real CLI, on a table of words."""

from __future__ import annotations

import itertools
import json
import random
import re
from typing import Any

import numpy as np
import pytest

from pipeline.data.spec import read_spec
from pipeline.inference.interpreter import LiteModel
from pipeline.tasks.pair_tokens import END, greedy, pair_tokens_of
from pipeline.tasks.seq2seq.metric import METRIC, is_exact
from tests.conftest import Answer, Project
from tests.helpers.finished_chain import chosen_file, metrics_without_a_rule, read

TEXT = """\
seed: 3
data:
  source: text_pairs:words.csv
  task: seq2seq
  pairs: {length: 5, target_length: 5}
tune: {trials: 1, epochs: 1, fix: {units: 16, blocks: 1, heads: 1}}
train: {epochs: 6, patience: 6, learning_rate: 0.01, batch_size: 16}
distill: {epochs: 1, replicates: 1, width: 0.5, batch_size: 16}
compress:
  sources: [baseline]
  recipes: [dynamic, "prune(0.5) | int8"]
  epochs: 1
  batch_size: 16
  budget: {max_drop: 0.6}
evaluate: {resamples: 100}
"""
SHIFT = str.maketrans("abcd", "BCDA")


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> tuple[Project, Answer]:
    project = Project(tmp_path_factory.mktemp("pairs"))
    words = ["".join(w) for n in (3, 4) for w in itertools.product("abcd", repeat=n)]
    random.Random(1).shuffle(words)
    rows = [f"{word},{word.translate(SHIFT)}" for word in words]
    (project.folder / "words.csv").write_text("\n".join(["word,shifted", *rows]))
    project.write(TEXT)
    return project, project.run("run")


@pytest.mark.slow
class TestChain:
    def test_it_ends_with_a_verdict_in_its_metric(self, finished):
        project, answer = finished
        assert answer.code == 0, answer.err
        shown = project.run("show").out
        assert "exact match" in shown and "accuracy" not in shown

    def test_texts_are_learned_and_floors_stand_beside_them(self, finished):
        project, _ = finished
        evaluation = chosen_file(project).evaluation
        floors = {floor["name"]: floor["exact_match"] for floor in evaluation["floors"]}
        assert set(floors) == {"a copy of the input", "the most frequent target"}
        baseline = evaluation["variants"][0]
        assert baseline["exact_match_interval"][0] > max(floors.values())
        assert 0 <= baseline["character_error_rate"] < 1 - baseline["exact_match"] + 0.1

    def test_the_metric_of_one_run_is_that_of_greedy_decoding(self, finished):
        project, _ = finished
        spec = read_spec(project.small / "data")
        model = LiteModel(project.small / "compress" / "best.tflite", spec)
        x = np.load(project.small / "data" / "test_x.npy")
        written = greedy(model.logits, x, spec.target["steps"])
        exact = METRIC.evidence(model.logits(x), x, np.zeros(len(x)))
        assert np.array_equal(exact, is_exact(written, x[:, -spec.target["steps"] :]))
        row = chosen_file(project).row
        assert row["exact_match"] == pytest.approx(exact.mean(), abs=1e-6)

    def test_predict_writes_a_text_per_line(self, finished, tmp_path):
        project, _ = finished
        path = tmp_path / "lines.txt"
        path.write_text("abc\n\ndé\n")
        answer = project.cli("predict", "small", str(path), "--json")
        assert answer.code == 0, answer.err
        rows = json.loads(answer.out)
        tokens = pair_tokens_of(read_spec(project.small / "data"))
        assert [row["input"] for row in rows] == [f"{path}:1", f"{path}:3"]
        assert all(set(row["text"]) <= set(tokens.characters) for row in rows)
        assert "line 3: characters that the model has not read: é" in answer.err

    @pytest.mark.parametrize(
        ("content", "reason"),
        [("abcdef\n", "line 1 has 6 characters"), ("\n", "holds no text")],
    )
    def test_an_input_that_cannot_be_read_is_one_error(
        self, finished, tmp_path, content, reason
    ):
        project, _ = finished
        path = tmp_path / "lines.txt"
        path.write_text(content)
        answer = project.cli("predict", "small", str(path))
        assert answer.code == 2 and reason in answer.err
        assert len(answer.err.strip().splitlines()) == 1

    def test_no_text_is_generated_from_a_prompt(self, finished):
        project, _ = finished
        answer = project.cli("generate", "small", "--prompt", "a")
        assert answer.code == 2 and "name one of text generation" in answer.err

    def test_page_and_card_show_texts_and_how_to_write_them(self, finished):
        project, _ = finished
        page = (project.small / "report/index.html").read_text()
        card = (project.small / "report/model_card.md").read_text()
        assert "Texts of the float baseline and the chosen file" in page
        pairs = read(project, "evaluate/pairs.json")["pairs"]
        assert pairs and pairs[0]["input"] in page
        assert "def write(raw)" in card and "character numbers below" in card

    def test_the_code_of_the_card_writes_what_predict_writes(
        self, finished, monkeypatch
    ):
        project, _ = finished
        card = (project.small / "report/model_card.md").read_text()
        code = re.findall(r"```python\n(.*?)```", card, re.DOTALL)[0]
        monkeypatch.chdir(project.small)
        names: dict[str, Any] = {}
        exec(code, names)
        spec = read_spec(project.small / "data")
        model = LiteModel(project.small / "compress" / "best.tflite", spec)
        x = np.load(project.small / "data" / "test_x.npy")[:8]
        x[:, -spec.target["steps"] :] = 0
        written = greedy(model.logits, x, spec.target["steps"])
        for row, numbers in zip(x, written):
            assert names["write"](row) == [n for n in numbers.tolist() if n > END]

    def test_a_tolerance_rule_names_every_metric(self, finished):
        project, _ = finished
        assert metrics_without_a_rule(project) == []
