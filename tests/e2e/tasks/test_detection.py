"""Detection through the whole chain, by the command line, on a YOLO folder."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipeline.data.spec import read_spec
from pipeline.inference.interpreter import LiteModel
from pipeline.tasks.detection.decoding import decode
from tests.conftest import Answer, Project
from tests.helpers.finished_chain import chosen_file, metrics_without_a_rule, read

TEXT = """\
seed: 3
data: {source: "yolo:squares", task: detection}
augment: {policy: "flip | pad(2) | random_crop(16) | rotate(5)"}
tune:
  trials: 1
  epochs: 1
  finalists: 1
  fix: {family: cnn, stride: 4}
  values: {filters: 8}
train: {epochs: 3, patience: 3, learning_rate: 0.01, batch_size: 8}
distill: {epochs: 1, replicates: 1, width: 0.5, batch_size: 8}
compress:
  sources: [student]
  recipes: [int8, "prune(0.5) | pqat"]
  epochs: 1
  budget: {max_drop: {map50: 0.9, center_f1: 0.9}}
evaluate: {resamples: 100, examples: 4}
"""
COUNT, SIDE = 30, 16


def write_squares(root: Path) -> None:
    """Images of bright and dark squares; every fifth shows none."""
    rng = np.random.default_rng(1)
    for name in ("images", "labels"):
        (root / name).mkdir(parents=True)
    for number in range(COUNT):
        pixels = rng.integers(100, 150, (SIDE, SIDE, 3)).astype(np.uint8)
        lines = ""
        if number % 5:
            left, top = rng.integers(0, 10, 2)
            pixels[top : top + 6, left : left + 6] = 255 if number % 2 else 0
            x, y = (left + 3) / SIDE, (top + 3) / SIDE
            lines = f"{number % 2} {x} {y} {6 / SIDE} {6 / SIDE}\n"
        Image.fromarray(pixels).save(root / "images" / f"{number}.png")
        (root / "labels" / f"{number}.txt").write_text(lines)
    (root / "data.yaml").write_text("names: [dark, bright]\n")


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> tuple[Project, Answer]:
    project = Project(tmp_path_factory.mktemp("squares"))
    write_squares(project.folder / "squares")
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
        assert row["map50"] == pytest.approx(chosen.metric(), abs=1e-9)
        assert row["objects"] == int((chosen.y[..., 0] >= 0).sum())
        pareto = read(project, "compress/pareto.json")
        points = [point for point in pareto["points"] if point["file"]]
        assert all("center_f1" in json.dumps(point) for point in points)
        assert row["threshold"] in {point["threshold"] for point in points}

    def test_page_card_and_metadata_say_how_to_read_the_output(self, finished):
        project, _ = finished
        page = (project.small / "report/index.html").read_text()
        card = (project.small / "report/model_card.md").read_text()
        assert "Average precision of each class" in page and "lost boxes" in page
        assert "def boxes(raw" in card and "| bright |" in card
        meaning = read(project, "compress/metadata.json")
        assert meaning["labels"] == ["dark", "bright"]
        assert "outside the file" in meaning["decoding"]
        assert (project.small / "evaluate/overlays.png").is_file()
        header = (project.small / "compress/kit/result.h").read_text()
        assert "int model_data_boxes(" in header

    def test_the_code_of_the_card_finds_the_boxes_of_the_file(
        self, finished, monkeypatch
    ):
        project, _ = finished
        card = (project.small / "report/model_card.md").read_text()
        code = card.partition("```python\n")[2].partition("```")[0]
        monkeypatch.chdir(project.small)
        names: dict = {}
        exec(code, names)
        spec = read_spec(project.small / "data")
        model = LiteModel(project.small / "compress/best.tflite", spec)
        x = np.load(project.small / "data/test_x.npy")[:3]
        for raw, found in zip(x, decode(model.logits(x))):
            expected = found[(found[:, 0] >= 0) & (found[:, 1] >= 0.2)]
            received = np.array(names["boxes"](raw, 0.2), np.float32).reshape(-1, 6)
            assert received == pytest.approx(expected, abs=1e-5)

    def test_predict_lists_the_boxes_of_the_file(self, finished):
        project, _ = finished
        image = project.folder / "squares" / "images" / "1.png"
        answer = project.cli("predict", "small", str(image), "--json")
        assert answer.code == 0, answer.err
        (row,) = json.loads(answer.out)
        spec = read_spec(project.small / "data")
        model = LiteModel(project.small / "compress/best.tflite", spec)
        (found,) = decode(model.logits(np.asarray(Image.open(image))[None]))
        kept = found[(found[:, 0] >= 0) & (found[:, 1] >= row["threshold"])]
        boxes = [item["box"] for item in row["objects"]]
        assert np.array(boxes).reshape(-1, 4) == pytest.approx(kept[:, 2:])

    def test_a_tolerance_rule_names_every_metric(self, finished):
        project, _ = finished
        assert metrics_without_a_rule(project) == []
