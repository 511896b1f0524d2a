"""Small sources of every kind, written by the tests themselves."""

from __future__ import annotations

import csv
import gzip
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from scipy.io import wavfile

from pipeline.data.artifact import Data, read_data
from pipeline.data.merge import MergedExamples, read_sources
from pipeline.data.params import DataParams
from pipeline.data.sources.reader import ReadContext
from pipeline.data.stage import run
from pipeline.engine.stage import Inputs

RATE = 8000


@dataclass(frozen=True)
class StageResult:
    """The published data of one run, and its metrics."""

    data: Data
    metrics: dict[str, Any]
    folder: Path

    def rows(self, name: str) -> list[dict[str, str]]:
        """The lines of one of its CSV files."""
        with (self.folder / name).open() as file:
            return list(csv.DictReader(file))


@pytest.fixture
def make(tmp_path):
    """`make(source=..., ...)` runs the data stage with these parameters."""
    count = iter(range(100))

    def run_stage(seed: int = 5, **params: Any) -> StageResult:
        out = tmp_path / f"out{next(count)}"
        out.mkdir()
        metrics = run(DataParams(**params), Inputs({}, seed=seed), out)
        return StageResult(read_data(out), metrics, out)

    return run_stage


@pytest.fixture
def read(tmp_path):
    """`read(source=..., ...)` reads and splits the sources; nothing is stored."""
    count = iter(range(100))

    def read_all(seed: int = 5, **params: Any) -> MergedExamples:
        scratch = tmp_path / f"scratch{next(count)}"
        scratch.mkdir()
        settings = DataParams(**params)
        return read_sources(settings, ReadContext(settings, scratch, seed=seed), seed)

    return read_all


@pytest.fixture
def images(tmp_path) -> Path:
    """Thirty PNG files of 7x6, red ones and blue ones."""
    rng = np.random.default_rng(1)
    for channel, name in enumerate(("blue", "red")):
        folder = tmp_path / "images" / name
        folder.mkdir(parents=True)
        for number in range(15):
            pixels = rng.integers(0, 60, (7, 6, 3), np.uint8)
            pixels[..., 2 - 2 * channel] += 150
            Image.fromarray(pixels).save(folder / f"{number}.png")
    return tmp_path / "images"


@pytest.fixture
def clips(tmp_path) -> Path:
    """Tones of two pitches by five speakers, four clips each, half a second."""
    rng = np.random.default_rng(1)
    for name, pitch in (("high", 2000), ("low", 300)):
        folder = tmp_path / "clips" / name
        folder.mkdir(parents=True)
        for speaker in "abcde":
            for number in range(4):
                time = np.arange(RATE // 2) / RATE
                tone = np.sin(2 * np.pi * pitch * time) + rng.normal(0, 0.1, len(time))
                samples = (tone * 8000).astype(np.int16)
                wavfile.write(folder / f"{speaker}_{number}.wav", RATE, samples)
    return tmp_path / "clips"


def write_csv(path: Path, rows: list[list[Any]]) -> Path:
    """A CSV file, gzip where its name says so."""
    text = "".join(",".join(map(str, row)) + "\n" for row in rows)
    content = text.encode()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


def table_rows(count: int = 60) -> list[list[Any]]:
    """A header and rows of two numbers; label `up` where the first is large."""
    rng = np.random.default_rng(2)
    values = rng.normal([10, -3], [4, 0.5], (count, 2)).round(4)
    body = [
        [a, b, "up" if a > 10 else "down", f"g{k % 6}"]
        for k, (a, b) in enumerate(values)
    ]
    return [["width", "height", "label", "site"], *body]


def text_rows(count: int = 60) -> list[list[str]]:
    """A header and sentences, half of them friendly."""
    kinds = [("good", "nice day number"), ("bad", "awful day number")]
    body = [[f"{kinds[k % 2][1]} {k}", kinds[k % 2][0]] for k in range(count)]
    return [["text", "label"], *body]


@pytest.fixture
def table(tmp_path) -> Path:
    """A gzip CSV file of numbers."""
    return write_csv(tmp_path / "table.csv.gz", table_rows())


@pytest.fixture
def texts(tmp_path) -> Path:
    """A CSV file of sentences."""
    return write_csv(tmp_path / "texts.csv", text_rows())


@pytest.fixture
def npz(tmp_path) -> Path:
    """Sixty grey images of 5x4 without a channel axis, labels as words."""
    rng = np.random.default_rng(3)
    y = np.array(["cat", "dog"] * 30)
    path = tmp_path / "arrays.npz"
    np.savez(path, x=rng.integers(0, 256, (60, 5, 4), np.uint8), y=y)
    return path
