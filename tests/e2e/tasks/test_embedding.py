"""Embedding through the whole chain, by the real CLI, on a folder per identity."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from PIL import Image

from tests.conftest import Answer, Project
from tests.helpers.finished_chain import chosen_file, metrics_without_a_rule, read

TEXT = """\
seed: 3
data: {source: "images:people", task: embedding}
augment: {policy: "brightness(0.1)"}
tune:
  trials: 1
  epochs: 1
  finalists: 1
  values: {filters: 8, dense: 16, embedding_size: 6}
train: {epochs: 2, loss: arcface, batch_size: 16}
distill: {epochs: 1, replicates: 1, width: 0.5, batch_size: 16}
compress:
  sources: [student]
  recipes: [int8, "prune(0.5) | pqat"]
  epochs: 1
  batch_size: 16
  budget: {max_drop: {recall_at_1: 0.9, eer: 0.9}}
evaluate: {resamples: 100, examples: 4}
"""
PEOPLE, COUNT, SIDE = 8, 8, 8


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> tuple[Project, Answer]:
    project = Project(tmp_path_factory.mktemp("people"))
    rng = np.random.default_rng(1)
    for person in range(PEOPLE):
        folder = project.folder / "people" / f"person{person}"
        folder.mkdir(parents=True)
        face = rng.integers(0, 200, (SIDE, SIDE, 1))
        for number in range(COUNT):
            pixels = face + rng.integers(0, 50, (SIDE, SIDE, 1))
            image = Image.fromarray(pixels[..., 0].astype(np.uint8))
            image.save(folder / f"{number}.png")
    project.write(TEXT)
    return project, project.run("run")


@pytest.mark.slow
class TestChain:
    def test_it_ends_with_a_verdict_in_its_metric(self, finished):
        project, answer = finished
        assert answer.code == 0, answer.err
        assert "on test (" in project.run("show").out

    def test_no_class_is_in_two_splits(self, finished):
        project, _ = finished
        classes = [
            set(np.load(project.small / f"data/{name}_y.npy"))
            for name in ("train", "validation", "test")
        ]
        assert sum(map(len, classes)) == len(set.union(*classes)) == PEOPLE
        assert min(map(len, classes)) >= 2

    def test_the_metric_is_that_of_the_chosen_file(self, finished):
        project, _ = finished
        chosen = chosen_file(project)
        row = chosen.row
        assert chosen.model.logits(chosen.x).shape == (len(chosen.y), 6)
        assert row["recall_at_1"] == pytest.approx(chosen.metric(), abs=1e-9)
        names = [floor["name"] for floor in chosen.evaluation["floors"]]
        assert names == [
            "vectors drawn at random",
            "nearest neighbors of the raw inputs",
        ]
        # Noise hides a third of a face at most, so raw inputs recognize it.
        assert chosen.evaluation["floors"][1]["recall_at_1"] > 0.9

    def test_the_head_of_arcface_is_in_no_file(self, finished):
        project, _ = finished
        weights = read(project, "train/metrics.json")["weights"]
        import keras

        model = keras.models.load_model(project.small / "train/model.keras")
        assert model.count_params() == weights and model.output_shape == (None, 6)

    def test_page_card_and_metadata_say_how_to_read_the_output(self, finished):
        project, _ = finished
        page = (project.small / "report/index.html").read_text()
        card = (project.small / "report/model_card.md").read_text()
        assert "Nearest neighbors" in page and "Equal error rate" in page
        assert "def embedding(raw)" in card and "def distance(" in card
        meaning = read(project, "compress/metadata.json")
        assert meaning["threshold"] is not None
        assert "outside the file" in meaning["normalization"]
        assert (project.small / "evaluate/neighbors.png").is_file()
        assert (project.small / "evaluate/distances.png").is_file()

    def test_predict_names_the_nearest_enrolled_identity(self, finished):
        project, _ = finished
        people, enrolled = project.folder / "people", project.folder / "enrolled"
        for person in ("person0", "person1"):
            (enrolled / person).mkdir(parents=True, exist_ok=True)
            shutil.copy(people / person / "0.png", enrolled / person)
        query = people / "person1" / "0.png"
        typed = ("predict", "small", str(query), "--variant", "baseline-float")
        answer = project.cli(*typed, "--enrol", str(enrolled), "--json")
        assert answer.code == 0, answer.err
        (row,) = json.loads(answer.out)
        assert row["identity"] == "person1"
        assert row["distance"] == pytest.approx(0, abs=1e-6)
        answer = project.cli(*typed, "--json")
        (row,) = json.loads(answer.out)
        assert np.linalg.norm(row["embedding"]) == pytest.approx(1)

    def test_a_tolerance_rule_names_every_metric(self, finished):
        project, _ = finished
        assert metrics_without_a_rule(project) == []
