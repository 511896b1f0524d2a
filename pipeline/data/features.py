"""Preprocessing steps: from a raw example to what is stored and fed to a model.

Each step is a frozen dataclass with `apply(batch) -> batch` and is written into
spec.json as its name and its numbers; `read_steps` makes it again. A chain of
them turns raw input into stored examples, in training and in use alike:

    steps = read_steps(spec.preprocess, folder)
    stored = apply_steps(steps, raw)

Audio: log-mel energies and their cosine transform (Davis and Mermelstein, Comparison
of Parametric Representations for Monosyllabic Word Recognition, 1980).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from scipy.fft import dct

from pipeline.core.errors import UserError

VOCABULARY = "vocabulary.txt"
PADDING, UNKNOWN = "[padding]", "[unknown]"
SPECIAL = (PADDING, UNKNOWN)  # ids 0 and 1
WORDS = r"[a-z0-9]+(?:'[a-z]+)?|[^\sa-z0-9]"
FLOOR = 1e-6  # added to energies, so that silence has a logarithm
LOWEST = 20.0  # hertz where the first mel band begins


@dataclass(frozen=True)
class Resize:
    """Images to `(height, width, channels)`, bilinear (Pillow), uint8."""

    height: int
    width: int
    channels: int

    @property
    def facts(self) -> dict[str, Any]:
        """What spec.json says besides."""
        mode = "grey" if self.channels == 1 else "RGB"
        return {"filter": "bilinear", "takes": f"uint8 {mode} of 0 .. 255"}

    def apply(self, images: np.ndarray) -> np.ndarray:
        """Images of any one size, `(n, h, w, channels)` uint8."""
        from PIL import Image

        mode = "L" if self.channels == 1 else "RGB"
        size = (self.width, self.height)
        if images.shape[1:] == (self.height, self.width, self.channels):
            return images
        plain = images[..., 0] if images.shape[-1] == 1 else images
        made = [
            np.asarray(Image.fromarray(i).convert(mode).resize(size, Image.BILINEAR))
            for i in plain
        ]
        return np.stack(made).reshape(-1, self.height, self.width, self.channels)


@dataclass(frozen=True)
class FixedLength:
    """Clips cut at `samples`, or silence added after their end."""

    samples: int
    rate: int

    @property
    def facts(self) -> dict[str, Any]:
        """What spec.json says besides."""
        mono = "float32 of -1 .. 1, the mean of the channels; 16 bits are / 32768"
        return {"pad": "silence at the end", "takes": mono}

    def apply(self, clips: np.ndarray) -> np.ndarray:
        """float32 of -1 .. 1, `(n, any)`; gives `(n, samples)`."""
        cut = clips[:, : self.samples]
        return np.pad(cut, ((0, 0), (0, self.samples - cut.shape[1])))


@dataclass(frozen=True)
class LogMel:
    """Logarithms of mel-band energies, `(frames, bins, 1)`.

    Args:
        rate: samples a second.
        frame_ms, hop_ms: length of a frame, and from one frame to the next.
        bins: triangular mel bands from 20 Hz to half the rate.
    """

    rate: int
    frame_ms: float
    hop_ms: float
    bins: int

    @property
    def facts(self) -> dict[str, Any]:
        """What spec.json says besides."""
        return {
            "energy": "ln(sum of band * |rfft(frame * window, points)|^2 / samples of "
            "a frame + floor)",
            "floor": FLOOR,
            "frame_samples": self._samples(self.frame_ms),
            "hop_samples": self._samples(self.hop_ms),
            "lowest_hertz": LOWEST,
            "mel_scale": "2595 * log10(1 + hertz / 700), triangles of height 1",
            "points": self._points,
            "window": "hann, symmetric",
        }

    def apply(self, clips: np.ndarray) -> np.ndarray:
        """float32 clips, `(n, samples)`; gives float32 `(n, frames, bins, 1)`."""
        energies = self._power(clips) @ self._bands
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
    def _bands(self) -> np.ndarray:
        """`(frequencies, bins)`: HTK's mel scale, triangles of height 1."""
        mel = np.linspace(_mel(LOWEST), _mel(self.rate / 2), self.bins + 2)
        edges = 700 * (10 ** (mel / 2595) - 1)
        hertz = np.fft.rfftfreq(self._points, 1 / self.rate)[:, None]
        low, middle, high = edges[:-2], edges[1:-1], edges[2:]
        rising, falling = (
            (hertz - low) / (middle - low),
            (high - hertz) / (high - middle),
        )
        return np.maximum(0, np.minimum(rising, falling))


@dataclass(frozen=True)
class Mfcc(LogMel):
    """The first `coefficients` of the cosine transform of `LogMel`'s energies."""

    coefficients: int

    @property
    def facts(self) -> dict[str, Any]:
        """What spec.json says besides."""
        return {**super().facts, "transform": "DCT-II over bins, orthonormal"}

    def apply(self, clips: np.ndarray) -> np.ndarray:
        """float32 clips, `(n, samples)`; gives `(n, frames, coefficients, 1)`."""
        energies = super().apply(clips)[..., 0]
        cepstrum = dct(energies, type=2, norm="ortho", axis=-1)
        return cepstrum[..., : self.coefficients, None].astype(np.float32)


@dataclass(frozen=True)
class Standardise:
    """`(value - mean) / deviation`, for each column or frequency bin.

    The numbers are the training split's.
    """

    mean: tuple[float, ...]
    deviation: tuple[float, ...]

    def apply(self, batch: np.ndarray) -> np.ndarray:
        """`(n, columns)` or `(n, frames, bins, 1)`; gives float32."""
        shape = (-1, 1) if batch.ndim == 4 else (-1,)
        mean, deviation = (
            np.reshape(np.float32(values), shape)
            for values in (self.mean, self.deviation)
        )
        return ((batch - mean) / deviation).astype(np.float32)


@dataclass(frozen=True)
class Vocabulary:
    """Texts to word numbers: lower case, `pattern`'s matches, cut or padded.

    0 is padding, 1 a word that the training split does not have (often enough);
    word k of vocabulary.txt, counted from 0, has number k.

    Args:
        words: all of vocabulary.txt, the two special ones first.
        length: word numbers of one text.
    """

    words: tuple[str, ...]
    length: int
    pattern: str = WORDS

    @property
    def facts(self) -> dict[str, Any]:
        """What spec.json says besides."""
        return {"case": "lower", "padding": 0, "unknown": 1}

    def apply(self, texts: np.ndarray) -> np.ndarray:
        """Texts, `(n,)`; gives int32 `(n, length)`."""
        numbers = np.zeros((len(texts), self.length), np.int32)
        for row, text in zip(numbers, texts):
            found = split_words(text, self.pattern)[: self.length]
            row[: len(found)] = [self._number.get(word, 1) for word in found]
        return numbers

    @cached_property
    def _number(self) -> dict[str, int]:
        return {word: number for number, word in enumerate(self.words)}


Step = Resize | FixedLength | LogMel | Mfcc | Standardise | Vocabulary

NAMES = {
    "resize": Resize,
    "fixed_length": FixedLength,
    "log_mel": LogMel,
    "mfcc": Mfcc,
    "standardise": Standardise,
    "vocabulary": Vocabulary,
}


def apply_steps(steps: Iterable[Step], batch: np.ndarray) -> np.ndarray:
    """A batch through every step, in order."""
    for step in steps:
        batch = step.apply(batch)
    return batch


def write_steps(steps: Iterable[Step], folder: Path) -> tuple[dict[str, Any], ...]:
    """Steps as JSON values; a vocabulary's words go into vocabulary.txt."""
    return tuple(_write(step, folder) for step in steps)


def read_steps(values: Iterable[dict[str, Any]], folder: Path) -> tuple[Step, ...]:
    """The steps that `write_steps` wrote.

    Raises:
        UserError: for a step of a later version, or a missing vocabulary.
    """
    return tuple(_read(dict(value), folder) for value in values)


def split_words(text: str, pattern: str = WORDS) -> list[str]:
    """Words, numbers and signs of a text, in lower case."""
    return re.findall(pattern, str(text).lower())


def learn_vocabulary(texts: Iterable[str], size: int, length: int) -> Vocabulary:
    """The most frequent words, ties in alphabetical order.

    Args:
        texts: the training split's.
        size: numbers in all, the two special ones among them.
    """
    counts = Counter(word for text in texts for word in split_words(text))
    ranked = sorted(counts, key=lambda word: (-counts[word], word))
    return Vocabulary((*SPECIAL, *ranked[: size - len(SPECIAL)]), length)


def learn_standardise(batches: Iterable[np.ndarray]) -> Standardise:
    """Mean and deviation of each column, or of each bin over all frames.

    A column that never changes gets deviation 1, so that it becomes 0.
    """
    count, total, squares, pivot = 0, 0.0, 0.0, None
    for batch in batches:
        values = np.float64(batch).reshape(-1, _columns(batch))
        pivot = values.mean(axis=0) if pivot is None else pivot
        count += len(values)
        total = total + (values - pivot).sum(axis=0)
        squares = squares + ((values - pivot) ** 2).sum(axis=0)
    variance = np.maximum(squares / count - (total / count) ** 2, 0)
    deviation = np.where(variance > 1e-12, np.sqrt(variance), 1.0)
    return Standardise(
        tuple((pivot + total / count).tolist()), tuple(deviation.tolist())
    )


def _columns(batch: np.ndarray) -> int:
    return batch.shape[2] if batch.ndim == 4 else batch.shape[1]


def _write(step: Step, folder: Path) -> dict[str, Any]:
    name = next(name for name, kind in NAMES.items() if kind is type(step))
    values = {field.name: getattr(step, field.name) for field in fields(step)}
    if isinstance(step, Vocabulary):
        text = "".join(f"{word}\n" for word in values.pop("words"))
        (folder / VOCABULARY).write_text(text, encoding="utf-8")
        values |= {"file": VOCABULARY}
    lists = {key: list(v) for key, v in values.items() if isinstance(v, tuple)}
    facts = {"facts": step.facts} if hasattr(step, "facts") else {}
    return {"step": name, **values, **lists, **facts}


def _read(value: dict[str, Any], folder: Path) -> Step:
    name, _ = value.pop("step", None), value.pop("facts", None)
    if name not in NAMES:
        known = ", ".join(NAMES)
        raise UserError(
            f'{folder}: no preprocessing step "{name}" (there are: {known})'
        )
    if name == "vocabulary":
        value["words"] = _read_words(folder / value.pop("file"))
    tuples = {key: tuple(v) for key, v in value.items() if isinstance(v, list)}
    return NAMES[name](**value | tuples)


def _read_words(path: Path) -> tuple[str, ...]:
    try:
        return tuple(path.read_text(encoding="utf-8").split("\n")[:-1])
    except OSError:
        raise UserError(f"{path}: the vocabulary is missing; run data again") from None


def _mel(hertz: float) -> float:
    return 2595 * np.log10(1 + hertz / 700)
