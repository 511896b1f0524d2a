"""Keywords of a recording, by a model that hears loudness."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import soundfile

from pipeline.core.errors import UserError
from pipeline.data.features import FixedLength, LogMel, apply_steps
from pipeline.inference import timeline
from pipeline.inference.timeline import Timeline
from pipeline.tasks.classification.prediction import PREDICTION
from tests.helpers.models_cases import spec

RATE, HOP, FRAME = 1000, 10, 20
STEPS = (FixedLength(RATE, RATE), LogMel(RATE, float(FRAME), float(HOP), 4))
SPEC = spec((99, 4, 1), "audio", classes=("low", "loud"))


class Loudness:
    """`loud` is more probable than `low` where the mean log energy is above -6."""

    def __init__(self) -> None:
        self.frames: list[np.ndarray] = []

    def reset(self) -> None:
        self.frames = []

    def read(self, frame: np.ndarray) -> np.ndarray:
        self.frames.append(frame)
        return np.array([-6.0, frame.mean()])


@pytest.fixture
def read() -> Timeline:
    data: Any = SimpleNamespace(spec=SPEC, steps=lambda: STEPS)
    return Timeline(Loudness(), data, threshold=0.5, pause=50, ignored=[0])


@pytest.fixture
def recording(tmp_path):
    """Four seconds with bursts at 1.5 s and 3 s."""
    sound = np.zeros(4 * RATE, np.float32)
    for begin in (1500, 3000):
        sound[begin : begin + 100] = np.sin(np.arange(100) * 1.5)
    path = tmp_path / "long.wav"
    soundfile.write(path, sound, RATE)
    return path


def test_each_keyword_has_its_time(read, recording):
    row = read.row(recording)
    assert [k["keyword"] for k in row["keywords"]] == ["loud", "loud"]
    times = [k["time"] for k in row["keywords"]]
    assert times == pytest.approx([1.52, 3.02], abs=0.02)
    text = PREDICTION.text(row)
    assert text.count("\n") == 2 and "1.5" in text and "loud" in text


@pytest.mark.parametrize("block", [1, 7, 1000])
def test_blocks_do_not_change_the_frames(read, recording, monkeypatch, block):
    monkeypatch.setattr(timeline, "BLOCK", block)
    read.row(recording)
    sound = soundfile.read(recording, dtype="float32")[0]
    assert np.allclose(read.model.frames, apply_steps(STEPS[1:], sound[None])[0])


def test_a_recording_without_a_keyword_says_so(read, tmp_path):
    path = tmp_path / "quiet.wav"
    soundfile.write(path, np.zeros(2 * RATE, np.float32), RATE)
    assert read.covers(path) and PREDICTION.text(read.row(path)) == "no keyword"


def test_only_long_wav_files_are_streams(read, tmp_path):
    path = tmp_path / "clip.wav"
    soundfile.write(path, np.zeros(RATE, np.float32), RATE)
    assert not read.covers(path)
    assert not read.covers(tmp_path / "absent.wav")
    assert not read.covers(np.zeros((1, 5000)))


def test_another_rate_is_one_error(read, tmp_path):
    path = tmp_path / "other.wav"
    soundfile.write(path, np.zeros(9 * RATE, np.float32), 2 * RATE)
    with pytest.raises(UserError, match="has 2000 samples per second; the model takes"):
        read.row(path)
