"""Keywords in a long recording, with their times.

In: a WAV file longer than a clip, the chosen file that reads frame by frame, and its
threshold of evaluate/stream.json, which was chosen on validation. Out: one row per
recording, with the time, keyword and score of each that was accepted.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel

from pipeline.data.artifact import Data
from pipeline.data.features import FixedLength, LogMel, apply_steps, find_step
from pipeline.data.wav_files import length_of
from pipeline.engine.published import published, published_json, recorded_hashes
from pipeline.inference.input_readers import read_raw
from pipeline.inference.step_models import STATEFUL, StatefulModel, read_all
from pipeline.metrics.stream_detection import accepted, scores_of

BLOCK = 1000  # frames whose spectra are in memory
FILE = "stream.json"
Row = dict[str, Any]


class VariantSchema(BaseModel):
    """Types of a variant of stream.json that this module relies on."""

    threshold: float


class StreamSchema(BaseModel):
    """Types of stream.json that this module relies on."""

    pause_frames: int
    ignored: list[int]
    variants: dict[str, VariantSchema]


class Timeline:
    """Reads recordings frame by frame.

    Args:
        model: the file that reads frame by frame.
        data: the experiment's data, with a log-mel front end.
        threshold: minimum score of a keyword.
        pause: frames after a keyword at which none is accepted.
        ignored: classes that are no keywords.
    """

    def __init__(
        self,
        model: StatefulModel,
        data: Data,
        threshold: float,
        pause: int,
        ignored: list[int],
    ):
        self.model, self.data = model, data
        self.threshold, self.pause, self.ignored = threshold, pause, ignored
        steps = data.steps()
        self.mel = find_step(steps, LogMel)
        self.steps = [step for step in steps if not isinstance(step, FixedLength)]
        length = find_step(steps, FixedLength)
        self.seconds = length.samples / length.rate if length else 0.0

    def covers(self, entry: Any) -> bool:
        """Return True for a WAV file that is longer than a clip."""
        if not isinstance(entry, str | Path) or Path(entry).suffix.lower() != ".wav":
            return False
        length = length_of(Path(entry))
        return length is not None and length[1] > self.seconds

    def row(self, path: Path) -> Row:
        """Return the keywords of a recording.

        Args:
            path: a WAV file.

        Raises:
            UserError: the file is unreadable, or has another rate than the data.
        """
        sound = read_raw(path, self.data).raw[0]
        scores = scores_of(read_all(self.model, self._frames(sound)), self.ignored)
        events = accepted(scores, self.threshold, self.pause, self.ignored)
        keywords = [
            {
                "time": self._time(frame),
                "keyword": self.data.spec.classes[label],
                "score": float(scores[frame, label]),
            }
            for frame, label in events
        ]
        return {"input": str(path), "keywords": keywords}

    def _frames(self, sound: np.ndarray) -> Iterator[np.ndarray]:
        """Yield model inputs, `(bins, 1)`; spectra are computed in blocks."""
        hop, frame = self._samples(self._mel.hop_ms), self._samples(self._mel.frame_ms)
        for begin in range(0, max(len(sound) - frame + 1, 1), hop * BLOCK):
            block = sound[begin : begin + hop * (BLOCK - 1) + frame]
            stored = apply_steps(self.steps, block[None]).astype(self.data.spec.dtype)
            yield from self.data.spec.to_input(stored)[0]

    def _time(self, frame: int) -> float:
        """Seconds from the beginning of the recording to the end of a frame."""
        end = frame * self._samples(self._mel.hop_ms) + self._samples(
            self._mel.frame_ms
        )
        return round(end / self._mel.rate, 3)

    @property
    def _mel(self) -> LogMel:
        assert self.mel is not None  # stream.json is only written with one
        return self.mel

    def _samples(self, milliseconds: float) -> int:
        return max(1, round(self._mel.rate * milliseconds / 1000))


def open_timeline(folder: Path, name: str, data: Data) -> Timeline | None:
    """Open the file of a variant that reads frame by frame.

    Args:
        folder: of the experiment.
        name: id of the variant.
        data: the experiment's data.

    Returns:
        None where there is no such file, or evaluate chose no threshold for it.
    """
    evaluate, compress = folder / "evaluate", folder / "compress"
    file = f"{STATEFUL}/{name}.tflite"
    if data.spec.modality != "audio" or not (evaluate / FILE).is_file():
        return None
    if file not in recorded_hashes(compress):
        return None
    stream = published_json(evaluate, FILE, StreamSchema)
    if name not in stream["variants"]:
        return None
    model = StatefulModel(published(compress, file) / file)
    threshold = stream["variants"][name]["threshold"]
    return Timeline(model, data, threshold, stream["pause_frames"], stream["ignored"])
