"""Restoration through the whole chain, by the real CLI, on a folder of clean images."""

from __future__ import annotations

import base64
import io
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
data: {source: "images:photos", task: restoration, degrade: downscale(2) | noise(0.01)}
augment: {policy: flip}
tune:
  {trials: 1, epochs: 1, finalists: 1, fix: {features: 8, reduced: 4, mapping: 1}}
train: {epochs: 3, patience: 3, learning_rate: 0.01, batch_size: 8}
distill: {epochs: 1, replicates: 1, width: 0.5, batch_size: 8}
compress:
  sources: [student]
  recipes: [int8, int16x8]
  budget: {max_drop: {psnr: 60, ssim: 0.9}}
evaluate: {resamples: 100, examples: 4}
"""
COUNT, SIDE = 24, 16


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> tuple[Project, Answer]:
    project = Project(tmp_path_factory.mktemp("photos"))
    rng = np.random.default_rng(1)
    folder = project.folder / "photos" / "holiday"
    folder.mkdir(parents=True)
    for number in range(COUNT):
        noise = rng.integers(0, 255, (5, 5, 3), dtype=np.uint8)
        picture = Image.fromarray(noise).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
        picture.save(folder / f"{number}.png")
    project.write(TEXT)
    return project, project.run("run")


@pytest.mark.slow
class TestChain:
    def test_it_ends_with_a_verdict_in_decibels(self, finished):
        project, answer = finished
        assert answer.code == 0, answer.err
        assert " dB" in project.run("show").out

    def test_the_metric_is_that_of_the_chosen_file(self, finished):
        project, _ = finished
        chosen = chosen_file(project)
        row = chosen.row
        spec = chosen.spec
        assert spec.shape == (8, 8, 3) and spec.target["shape"] == [16, 16, 3]
        assert row["psnr"] == pytest.approx(chosen.metric(), abs=1e-9)
        assert row["gain"] == pytest.approx(row["psnr"] - row["floor_psnr"])
        floors = {floor["name"]: floor["psnr"] for floor in chosen.evaluation["floors"]}
        assert list(floors.values()) == [pytest.approx(row["floor_psnr"])]

    def test_page_card_and_metadata_say_how_to_read_the_output(self, finished):
        project, _ = finished
        page = (project.small / "report/index.html").read_text()
        card = (project.small / "report/model_card.md").read_text()
        assert "Restored images against the enlarged input" in page
        assert 'class="photo"' in page  # not inverted in dark mode
        assert "def restore(raw)" in card and "downscale(2)" in card
        metadata = read(project, "compress/metadata.json")
        assert metadata["image"] == [16, 16, 3]
        assert "outside the file" in metadata["clipping"]
        assert (project.small / "evaluate/restored.png").is_file()

    def test_predict_returns_the_picture_of_the_file(self, finished, tmp_path):
        project, _ = finished
        x = np.load(project.small / "data/test_x.npy")[0]
        Image.fromarray(x).save(tmp_path / "small.png")
        answer = project.cli("predict", "small", str(tmp_path / "small.png"), "--json")
        assert answer.code == 0, answer.err
        (row,) = json.loads(answer.out)
        picture = np.asarray(Image.open(io.BytesIO(base64.b64decode(row["png"]))))
        spec = read_spec(project.small / "data")
        model = LiteModel(project.small / "compress/best.tflite", spec)
        expected = model.logits(x[None])[0].clip(0, 1) * 255
        assert np.array_equal(picture, np.round(expected).astype(np.uint8))

    def test_a_tolerance_rule_names_every_metric(self, finished):
        project, _ = finished
        assert metrics_without_a_rule(project) == []
