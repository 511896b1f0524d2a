"""Preprocessing steps: from a raw example to what is stored and given to a model.

Each step is a frozen dataclass with `apply(batch) -> batch`, and is written into
spec.json as its name and its numbers; `read_steps` restores it. Several steps turn raw
input into stored examples, in training and in deployment alike:

    steps = read_steps(spec.preprocess, folder)
    stored = apply_steps(steps, raw)

Audio: log-mel energies and their cosine transform (Davis, Mermelstein, Comparison of
Parametric Representations for Monosyllabic Word Recognition, 1980).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from scipy.fft import dct

from pipeline.core.errors import UserError
from pipeline.data.image_steps import DecodeImage, PixelRange, Resize
from pipeline.data.series.steps import Anchor
from pipeline.data.table_steps import EncodeColumns
from pipeline.tasks import pair_tokens, ranking_rows
from pipeline.tasks.pair_tokens import PairTokens
from pipeline.tasks.ranking_rows import RankingRows
from pipeline.tasks.text_tokens import STEP, Tokens

VOCABULARY = "vocabulary.txt"
PADDING, UNKNOWN = "[padding]", "[unknown]"
SPECIAL = (PADDING, UNKNOWN)  # ids 0 and 1
WORDS = r"[a-z0-9]+(?:'[a-z]+)?|[^\sa-z0-9]"
FLOOR = 1e-6  # added to energies: silence has no logarithm
LOWEST = 20.0  # hertz; the first mel band begins here


@dataclass(frozen=True)
class FixedLength:
    """Cut clips, or pad them with silence at the end.

    Args:
        samples: length of the result.
        rate: samples per second; recorded, not used.
    """

    samples: int
    rate: int

    @property
    def facts(self) -> dict[str, Any]:
        """Facts for spec.json that a reimplementation needs."""
        mono = "float32 of -1 .. 1, the mean of the channels; 16 bits are / 32768"
        return {"pad": "silence at the end", "takes": mono}

    def apply(self, clips: np.ndarray) -> np.ndarray:
        """Turn clips, float32 in -1 .. 1, `(n, any)`, into `(n, samples)`."""
        cut = clips[:, : self.samples]
        return np.pad(cut, ((0, 0), (0, self.samples - cut.shape[1])))


@dataclass(frozen=True)
class LogMel:
    """Compute logarithms of mel-band energies, `(frames, bins, 1)`.

    Args:
        rate: samples per second.
        frame_ms: length of a frame in milliseconds.
        hop_ms: time from one frame to the next in milliseconds.
        bins: number of triangular mel bands, from 20 Hz to half the rate.
    """

    rate: int
    frame_ms: float
    hop_ms: float
    bins: int

    @property
    def facts(self) -> dict[str, Any]:
        """Facts for spec.json that a reimplementation needs."""
        return {
            "energy": "ln(sum of band * |rfft(frame * window, points)|^2 / samples of "
            "a frame + floor)",
            "floor": FLOOR,
            "highest_hertz": self.rate / 2,
            "frame_samples": self._samples(self.frame_ms),
            "hop_samples": self._samples(self.hop_ms),
            "lowest_hertz": LOWEST,
            "mel_scale": "2595 * log10(1 + hertz / 700), triangles of height 1",
            "points": self._points,
            "window": "hann, symmetric",
        }

    def apply(self, clips: np.ndarray) -> np.ndarray:
        """Turn clips, float32 `(n, samples)`, into float32 `(n, frames, bins, 1)`."""
        energies = self._power(clips) @ self.bands
        return np.log(energies + FLOOR)[..., None].astype(np.float32)

    def _power(self, clips: np.ndarray) -> np.ndarray:
        frame, hop = self._samples(self.frame_ms), self._samples(self.hop_ms)
        if clips.shape[1] < frame:
            clips = np.pad(clips, ((0, 0), (0, frame - clips.shape[1])))
        views = np.lib.stride_tricks.sliding_window_view(clips, frame, axis=1)
        spectrum = np.fft.rfft(views[:, ::hop] * np.hanning(frame), self._points)
        return np.abs(spectrum) ** 2 / frame

    def _samples(self, milliseconds: float) -> int:
        return max(1, round(self.rate * milliseconds / 1000))

    @property
    def _points(self) -> int:
        return 1 << (self._samples(self.frame_ms) - 1).bit_length()

    @cached_property
    def bands(self) -> np.ndarray:
        """Weights `(frequencies, bins)`: HTK's mel scale, triangles of height 1."""
        mel = np.linspace(_mel(LOWEST), _mel(self.rate / 2), self.bins + 2)
        edges = 700 * (10 ** (mel / 2595) - 1)
        hertz = np.fft.rfftfreq(self._points, 1 / self.rate)[:, None]
        low, middle, high = edges[:-2], edges[1:-1], edges[2:]
        rising = (hertz - low) / (middle - low)
        falling = (high - hertz) / (high - middle)
        return np.maximum(0, np.minimum(rising, falling))


@dataclass(frozen=True)
class Mfcc(LogMel):
    """Compute the cosine transform of the energies of `LogMel`.

    Args:
        coefficients: number of coefficients kept, the lowest first.
    """

    coefficients: int

    @property
    def facts(self) -> dict[str, Any]:
        """Facts for spec.json that a reimplementation needs."""
        return {**super().facts, "transform": "DCT-II over bins, orthonormal"}

    def apply(self, clips: np.ndarray) -> np.ndarray:
        """Turn clips, float32 `(n, samples)`, into `(n, frames, coefficients, 1)`."""
        energies = super().apply(clips)[..., 0]
        cepstrum = dct(energies, type=2, norm="ortho", axis=-1)
        return cepstrum[..., : self.coefficients, None].astype(np.float32)


@dataclass(frozen=True)
class Standardise:
    """Standardize: `(value - mean) / deviation`, per column or frequency bin.

    Args:
        mean: of the training split, per column or bin.
        deviation: standard deviation of the training split, per column or bin.
        precision: `float64` where 32 bits would round differences away before the mean
            is subtracted, such as those of Unix seconds; default None: float32.
    """

    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    precision: str | None = None

    def apply(self, batch: np.ndarray) -> np.ndarray:
        """Standardize columns, or the bins of `(n, frames, bins, 1)`, as float32."""
        shape = (-1, 1) if batch.ndim == 4 else (-1,)
        dtype = np.dtype(self.precision or np.float32)
        mean, deviation = (
            np.reshape(np.array(values, dtype), shape)
            for values in (self.mean, self.deviation)
        )
        return ((batch.astype(dtype) - mean) / deviation).astype(np.float32)


@dataclass(frozen=True)
class Vocabulary:
    """Turn texts into word numbers: lower case, matches of `pattern`, cut or padded.

    0 is padding, 1 a word that is not in the vocabulary; word k of vocabulary.txt,
    counted from 0, has number k.

    Args:
        words: the lines of vocabulary.txt, the two special ones first.
        length: word numbers per text.
        pattern: regular expression of a word.
    """

    words: tuple[str, ...]
    length: int
    pattern: str = WORDS

    @property
    def facts(self) -> dict[str, Any]:
        """Facts for spec.json that a reimplementation needs."""
        return {"case": "lower", "padding": 0, "unknown": 1}

    def apply(self, texts: np.ndarray) -> np.ndarray:
        """Turn texts, `(n,)` of str, into int32 `(n, length)`."""
        numbers = np.zeros((len(texts), self.length), np.int32)
        for row, text in zip(numbers, texts):
            words = split_words(text, self.pattern)[: self.length]
            row[: len(words)] = [self._number.get(word, 1) for word in words]
        return numbers

    @cached_property
    def _number(self) -> dict[str, int]:
        return {word: number for number, word in enumerate(self.words)}


Step = (
    DecodeImage
    | Resize
    | PixelRange
    | FixedLength
    | LogMel
    | Mfcc
    | EncodeColumns
    | Standardise
    | Vocabulary
    | Anchor
    | Tokens
    | PairTokens
    | RankingRows
)

StepKind = TypeVar("StepKind", bound=Step)

# Name in spec.json -> class.
STEPS: dict[str, type[Step]] = {
    "decode_image": DecodeImage,
    "resize": Resize,
    "pixel_range": PixelRange,
    "fixed_length": FixedLength,
    "log_mel": LogMel,
    "mfcc": Mfcc,
    "encode_columns": EncodeColumns,
    "standardise": Standardise,
    "vocabulary": Vocabulary,
    "anchor": Anchor,
    STEP: Tokens,
    pair_tokens.STEP: PairTokens,
    ranking_rows.STEP: RankingRows,
}


def apply_steps(steps: Iterable[Step], batch: np.ndarray) -> np.ndarray:
    """Apply every step to a batch, in order.

    Args:
        steps: see `read_steps`.
        batch: raw examples, `(n, ...)`.

    Returns:
        Stored examples, `(n, ...)`.
    """
    for step in steps:
        batch = step.apply(batch)
    return batch


def find_step(steps: Iterable[Step], kind: type[StepKind]) -> StepKind | None:
    """Return the first step of a kind; None without one.

    Args:
        steps: see `read_steps`.
        kind: class of the step; its subclasses are of the kind too.
    """
    return next((step for step in steps if isinstance(step, kind)), None)


def write_steps(steps: Iterable[Step], folder: Path) -> tuple[dict[str, Any], ...]:
    """Return steps as JSON values; the words of a vocabulary go into vocabulary.txt.

    Args:
        steps: in the order in which they are applied.
        folder: for vocabulary.txt.
    """
    return tuple(_write(step, folder) for step in steps)


def read_steps(values: Iterable[dict[str, Any]], folder: Path) -> tuple[Step, ...]:
    """Restore the steps that `write_steps` wrote.

    Args:
        values: JSON values of the steps.
        folder: holds vocabulary.txt, if there is a vocabulary.

    Raises:
        UserError: for an unknown step, or a missing vocabulary.
    """
    return tuple(_read(dict(value), folder) for value in values)


def split_words(text: str, pattern: str = WORDS) -> list[str]:
    """Return words, numbers and signs of a text, in lower case.

    Args:
        text: any text.
        pattern: regular expression of a word.
    """
    return re.findall(pattern, str(text).lower())


def _write(step: Step, folder: Path) -> dict[str, Any]:
    name = next(name for name, kind in STEPS.items() if kind is type(step))
    values = {field.name: getattr(step, field.name) for field in fields(step)}
    values = {name: value for name, value in values.items() if value is not None}
    if isinstance(step, Vocabulary):
        text = "".join(f"{word}\n" for word in values.pop("words"))
        (folder / VOCABULARY).write_text(text, encoding="utf-8")
        values |= {"file": VOCABULARY}
    lists = {key: list(v) for key, v in values.items() if isinstance(v, tuple)}
    facts = {"facts": step.facts} if hasattr(step, "facts") else {}
    return {"step": name, **values, **lists, **facts}


def _read(value: dict[str, Any], folder: Path) -> Step:
    name, _ = value.pop("step", None), value.pop("facts", None)
    if name not in STEPS:
        known = ", ".join(STEPS)
        raise UserError(
            f'{folder}: no preprocessing step "{name}" (there are: {known})'
        )
    if name == "vocabulary":
        value["words"] = _read_words(folder / value.pop("file"))
    tuples = {key: tuple(v) for key, v in value.items() if isinstance(v, list)}
    return STEPS[name](**value | tuples)


def _read_words(path: Path) -> tuple[str, ...]:
    try:
        return tuple(path.read_text(encoding="utf-8").split("\n")[:-1])
    except OSError:
        raise UserError(f"{path}: the vocabulary is missing; run data again") from None


def _mel(hertz: float) -> float:
    return 2595 * np.log10(1 + hertz / 700)
