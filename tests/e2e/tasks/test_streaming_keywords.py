"""Keywords in a stream through the whole chain, by the real CLI, on made sounds."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.io import wavfile

from pipeline.inference.step_models import StatefulModel
from tests.conftest import Answer, Project
from tests.helpers.finished_chain import metrics_without_a_rule, read

RATE, CLIP = 2000, 600
TEXT = """\
seed: 3
data:
  source: wav:clips
  audio: {rate: 2000, seconds: 0.3, frame_ms: 32, hop_ms: 16, bins: 8}
tune: {builder: tcn, trials: 1, epochs: 1, fix: {filters: 16, blocks: 1}}
train: {epochs: 8, patience: 8, learning_rate: 0.01, batch_size: 16}
distill: {epochs: 1, replicates: 1, width: 0.5, batch_size: 16}
compress:
  sources: [baseline]
  recipes: [int8]
  budget: {max_drop: 0.5}
evaluate:
  resamples: 100
  robustness: false
  stream: {hours: 0.02, gap_seconds: [0.5, 1.0], level: -2}
"""
TONES = {"low": 150.0, "high": 700.0}
NOISE = "background"


def tone(hertz: float, rng: np.random.Generator) -> np.ndarray:
    """Int16 samples of a tone of a random phase, with a little noise."""
    time = np.arange(CLIP) / RATE
    wave = np.sin(2 * np.pi * hertz * time + rng.uniform(0, 6))
    return np.int16(8000 * wave + rng.normal(0, 60, CLIP))


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> tuple[Project, Answer]:
    project = Project(tmp_path_factory.mktemp("stream"))
    rng = np.random.default_rng(1)
    for name, hertz in TONES.items():
        (project.folder / "clips" / name).mkdir(parents=True)
        for number in range(40):
            path = project.folder / "clips" / name / f"{number}.wav"
            wavfile.write(path, RATE, tone(hertz * rng.uniform(0.95, 1.05), rng))
    (project.folder / "clips" / NOISE).mkdir()
    for number in range(40):
        path = project.folder / "clips" / NOISE / f"{number}.wav"
        level = 10 ** rng.uniform(0, 3)
        wavfile.write(path, RATE, np.int16(rng.normal(0, level, CLIP)))
    project.write(TEXT)
    return project, project.run("run")


def recording(path: Path) -> Path:
    """Six seconds with `high` at 2 s and `low` at 4 s."""
    rng = np.random.default_rng(2)
    sound = np.int16(rng.normal(0, 5, 6 * RATE))
    for second, name in ((2, "high"), (4, "low")):
        sound[second * RATE :][:CLIP] += tone(TONES[name], rng)
    wavfile.write(path, RATE, sound)
    return path


@pytest.mark.slow
class TestChain:
    def test_golden_sequences_are_those_of_the_best_stateful_file(self, finished):
        project, answer = finished
        assert answer.code == 0, answer.err
        folder = project.small / "compress"
        chosen = read(project, "compress/pareto.json")["chosen"]
        best = folder / "best_stateful.tflite"
        assert best.read_bytes() == (folder / f"stateful/{chosen}.tflite").read_bytes()
        model = StatefulModel(best)
        with np.load(folder / f"stateful/{chosen}.npz") as golden:
            for frames, logits in zip(golden["frames"], golden["logits"]):
                model.reset()
                assert np.array_equal([model.stored(f) for f in frames], logits)

    def test_evaluate_counts_keywords_in_streams(self, finished):
        project, _ = finished
        stream = read(project, "evaluate/stream.json")
        chosen = read(project, "compress/pareto.json")["chosen"]
        row = stream["variants"][chosen]
        assert stream["ignored"] == [0] and row["validation"]["false_accepts"] == 0
        assert row["test"]["keywords"] > 15
        assert row["test"]["false_reject_rate"] < 0.5
        page = (project.small / "report/index.html").read_text()
        assert "Keywords in a stream" in page
        assert metrics_without_a_rule(project) == []

    def test_predict_prints_a_timeline(self, finished, tmp_path):
        project, _ = finished
        path = recording(tmp_path / "long.wav")
        answer = project.cli("predict", "small", str(path), "--json")
        assert answer.code == 0, answer.err
        (row,) = json.loads(answer.out)
        assert [k["keyword"] for k in row["keywords"]] == ["high", "low"]
        times = [k["time"] for k in row["keywords"]]
        assert times == pytest.approx([2.2, 4.2], abs=0.4)
        assert "high" in project.cli("predict", "small", str(path)).out

    def test_another_rate_is_one_error(self, finished, tmp_path):
        project, _ = finished
        path = tmp_path / "other.wav"
        wavfile.write(path, 8000, np.zeros(40_000, np.int16))
        answer = project.cli("predict", "small", str(path))
        assert answer.code == 2 and "8000 samples per second" in answer.err
        assert len(answer.err.strip().splitlines()) == 1
