"""Keywords in long streams: false accepts per hour and false rejects, for stream.json.

In: the files that read frame by frame, and the clips of validation and test. Out: per
file a threshold, chosen on a stream of validation clips, and what it accepts on a
stream of test clips.

Streams are made of energies, as a microphone would add them: clips in random order,
with gaps, and noise under both, whose level is drawn anew for each clip. The gaps hold
noise of the mean spectrum of the training clips, not other speech.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.core.determinism import derive_seed
from pipeline.core.json_io import write_json
from pipeline.data.artifact import Data, Split
from pipeline.data.features import FLOOR, LogMel, Standardise, find_step
from pipeline.engine.stage import Inputs
from pipeline.evaluate.params import StreamParams
from pipeline.inference.step_models import STATEFUL, StatefulModel, read_all
from pipeline.metrics.stream_detection import (
    Keyword,
    accepted,
    choose_threshold,
    count,
    scores_of,
)

FILE = "stream.json"
QUIET = -4.0  # the lowest level of noise, in standard deviations of each bin
LATE_SECONDS = 0.5  # after the end of its clip, a keyword is still accepted in time
BACKGROUND = frozenset(
    [
        *("background", "_background_noise_", "noise", "silence", "_silence_"),
        *("unknown", "_unknown_"),
    ]
)
Row = dict[str, Any]


@dataclass(frozen=True)
class Scale:
    """Mean and standard deviation of the log energies of each frequency bin.

    Args:
        mean: `(bins, 1)`; default 0.
        std: `(bins, 1)`; default 1.
    """

    mean: np.ndarray | float = 0.0
    std: np.ndarray | float = 1.0

    def energies(self, features: np.ndarray) -> np.ndarray:
        """Return the energies of standardized log energies, `(..., bins, 1)`."""
        return np.exp(features * self.std + self.mean)

    def features(self, energies: np.ndarray) -> np.ndarray:
        """Return standardized log energies."""
        return (np.log(energies) - self.mean) / self.std


def evaluate(
    data: Data,
    test: Split,
    pareto: Mapping[str, Any],
    params: StreamParams,
    inputs: Inputs,
    out: Path,
) -> None:
    """Evaluate the baseline and the chosen file on streams, and write stream.json.

    Args:
        data: the published data.
        test: the test clips.
        pareto: pareto.json.
        params: section `evaluate.stream`.
        inputs: folder of compress, seed and threads.
        out: folder for the result.
    """
    names = dict.fromkeys(filter(None, (pareto["baseline"], pareto["chosen"])))
    folder = inputs["compress"] / STATEFUL
    files = {name: folder / f"{name}.tflite" for name in names}
    files = {name: path for name, path in files.items() if path.is_file()}
    mel = find_step(data.steps(), LogMel)
    if not files or mel is None or not data.spec.classes:
        print(
            "warning: evaluate.stream: no file reads frame by frame; classify sound "
            "with a causal builder, such as tune.builder: tcn, or remove it"
        )
        return
    streams = StreamEvaluation(data, test, params, mel.hop_ms / 1000, inputs.seed)
    rows = {}
    for name, path in files.items():
        rows[name] = streams.row(StatefulModel(path, inputs.threads))
        line = f"{len(rows)}/{len(files)}  stream of {name}"
        inputs.progress(line, done=len(rows), total=len(files))
    write_json(out / FILE, {**streams.facts(), "variants": rows})


class StreamEvaluation:
    """Two streams, and files that run on them.

    Args:
        data: the published data.
        test: the test clips.
        params: section `evaluate.stream`.
        hop: seconds from one frame to the next.
        seed: of the experiment.
    """

    def __init__(
        self, data: Data, test: Split, params: StreamParams, hop: float, seed: int
    ):
        self.params, self.hop, self.spec = params, hop, data.spec
        self.pause = data.spec.shape[0]
        self.ignored = [
            number
            for number, name in enumerate(data.spec.classes)
            if name.lower() in BACKGROUND
        ]
        splits = {"validation": data.validation(), "test": test}
        scale = scale_of(data)
        self.streams = {
            name: make_stream(
                data.spec.to_input(np.asarray(split.x)),
                split.y,
                params,
                hop,
                derive_seed(seed, "stream", name),
                self.ignored,
                scale,
            )
            for name, split in splits.items()
        }

    def facts(self) -> Row:
        """Return what all files have in common."""
        return {
            "hop_seconds": self.hop,
            "pause_frames": self.pause,
            "max_false_accepts_per_hour": self.params.false_accepts_per_hour,
            "ignored": self.ignored,
        }

    def row(self, model: StatefulModel) -> Row:
        """Return the threshold of a file, and its counts on both streams."""
        scores = {
            name: scores_of(read_all(model, frames), self.ignored)
            for name, (frames, _) in self.streams.items()
        }
        seconds = len(scores["validation"]) * self.hop
        threshold = choose_threshold(
            scores["validation"],
            self.streams["validation"][1],
            seconds,
            self.pause,
            self.params.false_accepts_per_hour,
            self.ignored,
        )
        row: Row = {"threshold": threshold}
        for name, values in scores.items():
            events = accepted(values, threshold, self.pause, self.ignored)
            keywords, seconds = self.streams[name][1], len(values) * self.hop
            row[name] = count(events, keywords, seconds).to_json()
        return row


def scale_of(data: Data) -> Scale:
    """Return the scale of the features; 0 and 1 where they are not standardized."""
    step = find_step(data.steps(), Standardise)
    if step is None:
        return Scale()
    return Scale(np.array(step.mean)[:, None], np.array(step.deviation)[:, None])


def make_stream(
    clips: np.ndarray,
    labels: np.ndarray,
    params: StreamParams,
    hop: float,
    seed: int,
    ignored: Sequence[int] = (),
    scale: Scale = Scale(),
) -> tuple[np.ndarray, list[Keyword]]:
    """Make a stream of clips with gaps of noise.

    Args:
        clips: model inputs, log energies in standard deviations,
            `(n, frames, bins, 1)`.
        labels: class numbers, `(n,)`.
        params: length, gaps and noise.
        hop: seconds from one frame to the next.
        seed: of order, gaps and noise.
        ignored: classes that are no keywords; default none.
        scale: of the log energies; default mean 0 and standard deviation 1.

    Returns:
        Frames `(frames, bins, 1)` float32, and the keywords in them.
    """
    rng, late = np.random.default_rng(seed), round(LATE_SECONDS / hop)
    length, steps = round(params.hours * 3600 / hop), clips.shape[1]
    shortest, longest = params.gap_seconds
    frames: list[np.ndarray] = []
    keywords: list[Keyword] = []
    total = 0
    for position in _positions(len(clips), rng):
        gap = round(rng.uniform(shortest, longest) / hop)
        if total + gap + steps + late > length and keywords:
            break
        begin = total + gap
        silence = np.full((gap, *clips.shape[2:]), FLOOR)
        sound = np.concatenate([silence, scale.energies(clips[position])])
        frames.append(_with_noise(sound, params.level, scale, rng))
        total += len(sound)
        if labels[position] not in ignored:
            end = begin + steps + late
            keywords.append(Keyword(int(labels[position]), begin, end))
    rest = np.full((max(length - total, late), *clips.shape[2:]), FLOOR)
    frames.append(_with_noise(rest, params.level, scale, rng))
    return np.concatenate(frames).astype(np.float32), keywords


def _positions(count: int, rng: np.random.Generator) -> Iterator[int]:
    """Yield positions of clips without end: all of them before one is repeated."""
    while count:
        yield from map(int, rng.permutation(count))


def _with_noise(
    energies: np.ndarray, level: float, scale: Scale, rng: np.random.Generator
) -> np.ndarray:
    """Add noise, exponentially distributed in energy, and return features."""
    height = rng.uniform(QUIET, max(level, QUIET))
    noise = rng.exponential(size=energies.shape) * scale.energies(np.array(height))
    return scale.features(energies + noise)
