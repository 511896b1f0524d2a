"""Segmentation through the whole chain, by the real CLI, on a folder of masks."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from pipeline.data.spec import read_spec
from pipeline.inference.interpreter import LiteModel
from tests.conftest import Answer, Project
from tests.helpers.finished_chain import chosen_file, metrics_without_a_rule, read

TEXT = """\
seed: 3
data:
  source: masks:squares
  task: segmentation
  classes: [ground, square]
  balance: weights
augment: {policy: "flip | pad(1) | random_crop(8) | rotate(10)"}
tune: {trials: 1, epochs: 1, finalists: 1, fix: {filters: 8, levels: 1}}
train: {epochs: 3, patience: 3, learning_rate: 0.01, batch_size: 8}
distill: {epochs: 1, replicates: 1, width: 0.5, batch_size: 8}
compress:
  sources: [student]
  recipes: [int8, "prune(0.5) | pqat"]
  epochs: 1
  budget: {max_drop: {miou: 0.9, dice: 0.9}}
evaluate: {resamples: 100, examples: 4}
"""
COUNT, SIDE = 24, 8


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> tuple[Project, Answer]:
    project = Project(tmp_path_factory.mktemp("squares"))
    rng = np.random.default_rng(1)
    for name in ("images", "masks"):
        (project.folder / "squares" / name).mkdir(parents=True)
    for number in range(COUNT):
        mask = np.zeros((SIDE, SIDE), np.uint8)
        top, left = rng.integers(0, 5, 2)
        mask[top : top + 3, left : left + 3] = 1
        pixels = rng.integers(0, 80, (SIDE, SIDE, 3)) + 150 * mask[..., None]
        for name, array in (("images", pixels), ("masks", mask)):
            path = project.folder / "squares" / name / f"{number}.png"
            Image.fromarray(array.astype(np.uint8)).save(path)
    project.write(TEXT)
    return project, project.run("run")


@pytest.mark.slow
class TestChain:
    def test_it_ends_with_a_verdict_in_its_metric(self, finished):
        project, answer = finished
        assert answer.code == 0, answer.err
        shown = project.run("show").out
        assert "on test (" in shown and "accuracy" not in shown

    def test_the_metric_is_that_of_the_chosen_file(self, finished):
        project, _ = finished
        chosen = chosen_file(project)
        row = chosen.row
        assert row["miou"] == pytest.approx(chosen.metric(), abs=1e-9)
        low, high = row["drop_interval"]
        assert low <= row["drop"] + 1e-6 and row["drop"] - 1e-6 <= high
        pareto = read(project, "compress/pareto.json")
        assert all("dice" in json.dumps(p) for p in pareto["points"] if p["file"])

    def test_page_card_and_metadata_say_how_to_read_the_output(self, finished):
        project, _ = finished
        page = (project.small / "report/index.html").read_text()
        card = (project.small / "report/model_card.md").read_text()
        assert "IoU of each class" in page and "Worst masks" in page
        assert "def mask(raw)" in card and "| ground |" in card
        meaning = read(project, "compress/metadata.json")
        assert meaning["labels"] == ["ground", "square"]
        assert "outside the file" in meaning["argmax"]
        assert (project.small / "evaluate/overlays.png").is_file()

    def test_predict_returns_the_mask_of_the_file(self, finished):
        project, _ = finished
        image = project.folder / "squares" / "images" / "0.png"
        answer = project.cli("predict", "small", str(image), "--json")
        assert answer.code == 0, answer.err
        (row,) = json.loads(answer.out)
        numbers, lengths = np.transpose(row["mask"]["runs"])
        mask = np.repeat(numbers, lengths).reshape(row["mask"]["size"])
        spec = read_spec(project.small / "data")
        model = LiteModel(project.small / "compress/best.tflite", spec)
        stored = np.asarray(Image.open(image))[None]
        assert np.array_equal(mask, model.logits(stored)[0].argmax(axis=-1))

    def test_a_tolerance_rule_names_every_metric(self, finished):
        project, _ = finished
        assert metrics_without_a_rule(project) == []
