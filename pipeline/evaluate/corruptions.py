"""Common corruptions of inputs at five severities, all seeded.

Images: after Hendrycks and Dietterich, Benchmarking Neural Network Robustness to Common
Corruptions and Perturbations, 2019, with the severities of their CIFAR-10-C where it
has the corruption. Audio: white noise at a given signal-to-noise ratio, and shifts.
Text: typos. Tables: noise and missing values.

    for corruption in corruptions_for(spec, steps):
        inputs = corruption.apply(raw, severity, seed)      # model inputs
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image
from scipy import ndimage

from pipeline.data.features import (
    FLOOR,
    LogMel,
    Mfcc,
    Standardise,
    Vocabulary,
    find_step,
)
from pipeline.tasks.registry import task_of
from pipeline.tasks.spec import TaskSpec

SEVERITIES = (1, 2, 3, 4, 5)
LETTERS = "abcdefghijklmnopqrstuvwxyz"
UNKNOWN = 1  # token number of words that are not in the vocabulary
MOVING = ("rotate", "shift")  # corruptions of images that move pixels
BATCH = 64  # clips whose noise is in memory at once
Generator = np.random.Generator
Corrupt = Callable[[np.ndarray, float, Generator], np.ndarray]


@dataclass(frozen=True)
class Corruption:
    """One kind of corruption.

    Args:
        name: such as `noise`.
        unit: unit of the amounts.
        amounts: amount of each severity, 1 to 5.
        corrupt: `(raw, amount, rng) -> model inputs`.
    """

    name: str
    unit: str
    amounts: tuple[float, ...]
    corrupt: Corrupt

    def apply(self, raw: np.ndarray, severity: int, seed: int) -> np.ndarray:
        """Corrupt stored examples.

        Args:
            raw: stored examples, `(n, *shape)`; they are not changed.
            severity: 1 to 5.
            seed: equal seeds give equal results.

        Returns:
            Model inputs, `(n, *shape)`.
        """
        rng = np.random.default_rng(seed)
        return self.corrupt(raw, self.amounts[severity - 1], rng)


def corruptions_for(spec: TaskSpec, steps: Sequence[Any]) -> list[Corruption]:
    """Return the corruptions that apply to a data set.

    Args:
        spec: signature of the data.
        steps: preprocessing steps from raw to stored, see `pipeline.data.features`.
    """
    if spec.modality == "image" and len(spec.shape) == 3:
        return _for_images(spec)
    if spec.modality == "audio":
        return _for_audio(spec, steps)
    if spec.modality == "text":
        return _for_texts(spec, steps)
    if spec.modality == "series":
        return _for_series(spec)
    return _for_tables(spec) if spec.modality == "table" else []


def missing_corruptions(spec: TaskSpec, steps: Sequence[Any]) -> str | None:
    """Return why a corruption of this modality cannot be computed, or None.

    Args:
        spec: signature of the data.
        steps: preprocessing steps from raw to stored, see `pipeline.data.features`.
    """
    if spec.modality == "image" and task_of(spec).dense:
        return f"{', '.join(MOVING)}: they move pixels, and the targets are per pixel"
    if spec.modality == "audio" and _front_end(steps) is None:
        return "noise: the stored features hold no energies to which noise can be added"
    if spec.modality == "text" and find_step(steps, Vocabulary) is None:
        return "typos: the data have no vocabulary to look up misspelled words in"
    return None


# ---------------------------------------------------------------- images


def _for_images(spec: TaskSpec) -> list[Corruption]:
    return [
        Corruption(name, unit, amounts, _on_unit_range(spec, change))
        for name, unit, amounts, change in IMAGES
        if not (task_of(spec).dense and name in MOVING)
    ]


def _on_unit_range(spec: TaskSpec, change: Corrupt) -> Corrupt:
    """Apply a change to images scaled to 0 .. 1, and clip the result to that range."""

    def corrupt(raw: np.ndarray, amount: float, rng: Generator) -> np.ndarray:
        inputs = spec.to_input(raw)
        low, high = inputs.min(), max(inputs.max(), inputs.min() + 1e-6)
        unit = np.clip(change((inputs - low) / (high - low), amount, rng), 0, 1)
        return (unit * (high - low) + low).astype(np.float32)

    return corrupt


def _noise(unit: np.ndarray, amount: float, rng: Generator) -> np.ndarray:
    return unit + amount * rng.standard_normal(unit.shape)


def _blur(unit: np.ndarray, amount: float, rng: Generator) -> np.ndarray:
    return ndimage.gaussian_filter(unit, (0, amount, amount, 0), mode="nearest")


def _bright(unit: np.ndarray, amount: float, rng: Generator) -> np.ndarray:
    return unit + amount


def _contrast(unit: np.ndarray, amount: float, rng: Generator) -> np.ndarray:
    mean = unit.mean(axis=(1, 2), keepdims=True)
    return (unit - mean) * amount + mean


def _pixelate(unit: np.ndarray, amount: float, rng: Generator) -> np.ndarray:
    """Downsample by the mean of each area, and upsample by the nearest pixel."""
    height, width = unit.shape[1:3]
    small = max(1, round(width * amount)), max(1, round(height * amount))

    def resample(plane: np.ndarray) -> np.ndarray:
        image = Image.fromarray(np.float32(plane))
        image = image.resize(small, Image.Resampling.BOX)
        return np.asarray(image.resize((width, height), Image.Resampling.NEAREST))

    planes = np.moveaxis(unit, -1, 1).reshape(-1, height, width)
    resampled = np.stack([resample(plane) for plane in planes])
    return np.moveaxis(resampled.reshape(len(unit), -1, height, width), 1, -1)


def _rotate(unit: np.ndarray, amount: float, rng: Generator) -> np.ndarray:
    """Rotate each image by the same angle, in a random direction."""
    rotated, left = np.empty_like(unit), rng.random(len(unit)) < 0.5
    for chosen, angle in ((left, amount), (~left, -amount)):
        rotated[chosen] = ndimage.rotate(
            unit[chosen], angle, axes=(1, 2), reshape=False, order=1, mode="nearest"
        )
    return rotated


def _shift(unit: np.ndarray, amount: float, rng: Generator) -> np.ndarray:
    """Shift each image up, down, left or right at random, with interpolation."""
    shifted, directions = np.empty_like(unit), rng.integers(4, size=len(unit))
    for number, (down, right) in enumerate(((1, 0), (-1, 0), (0, 1), (0, -1))):
        by = (0, down * amount * unit.shape[1], right * amount * unit.shape[2], 0)
        chosen = directions == number
        shifted[chosen] = ndimage.shift(unit[chosen], by, order=1, mode="nearest")
    return shifted


# Name, unit of the amounts, amounts of severities 1 to 5, change of images in 0 .. 1.
IMAGES: tuple[tuple[str, str, tuple[float, ...], Corrupt], ...] = (
    (
        "noise",
        "standard deviation, fraction of the range",
        (0.04, 0.06, 0.08, 0.09, 0.1),
        _noise,
    ),
    ("blur", "standard deviation, pixels", (0.4, 0.6, 0.7, 0.8, 1.0), _blur),
    (
        "brightness",
        "added, fraction of the range",
        (0.05, 0.1, 0.15, 0.2, 0.3),
        _bright,
    ),
    ("contrast", "remaining fraction", (0.75, 0.5, 0.4, 0.3, 0.15), _contrast),
    (
        "pixelate",
        "remaining fraction of the side",
        (0.95, 0.9, 0.85, 0.75, 0.65),
        _pixelate,
    ),
    ("rotate", "degrees, either direction", (5, 10, 15, 20, 30), _rotate),
    (
        "shift",
        "fraction of the side, any direction",
        (0.04, 0.08, 0.12, 0.16, 0.2),
        _shift,
    ),
)


# ---------------------------------------------------------------- audio


def _for_audio(spec: TaskSpec, steps: Sequence[Any]) -> list[Corruption]:
    unit, amounts = (
        "fraction of the clip, either direction",
        (0.04, 0.08, 0.12, 0.16, 0.2),
    )
    shift = Corruption("shift", unit, amounts, _time_shift(spec))
    front_end = _front_end(steps)
    if front_end is None:
        return [shift]
    ratios = (20.0, 15.0, 10.0, 5.0, 0.0)
    add_noise = _white_noise(spec, *front_end)
    return [Corruption("noise", "signal-to-noise ratio, dB", ratios, add_noise), shift]


def _time_shift(spec: TaskSpec) -> Corrupt:
    """Shift each clip earlier or later at random; the frame at the edge is repeated."""

    def corrupt(raw: np.ndarray, amount: float, rng: Generator) -> np.ndarray:
        frames = raw.shape[1]
        offsets = round(amount * frames) * rng.choice([-1, 1], size=len(raw))
        positions = np.clip(np.arange(frames)[None] - offsets[:, None], 0, frames - 1)
        shifted = np.take_along_axis(raw, positions[:, :, None, None], axis=1)
        return spec.to_input(shifted)

    return corrupt


def _front_end(steps: Sequence[Any]) -> tuple[LogMel, Standardise | None] | None:
    """The step that computes log energies, and the one that standardizes them."""
    mel = find_step(steps, LogMel)
    if mel is None or isinstance(mel, Mfcc):
        return None
    return mel, find_step(steps, Standardise)


def _white_noise(spec: TaskSpec, mel: LogMel, standard: Standardise | None) -> Corrupt:
    """Add the band energies of white noise to those of each clip.

    The waveform is not stored. Energies of independent signals add up, except for a
    cross term of mean zero, which is neglected.
    """

    def corrupt(raw: np.ndarray, amount: float, rng: Generator) -> np.ndarray:
        batches = [raw[i : i + BATCH] for i in range(0, len(raw), BATCH)]
        return spec.to_input(np.concatenate([add(b, amount, rng) for b in batches]))

    def add(raw: np.ndarray, ratio: float, rng: Generator) -> np.ndarray:
        signal = np.exp(_log_energies(raw, standard)) - FLOOR
        noise = _noise_energies(mel, len(raw), raw.shape[1], rng)
        level = signal.mean(axis=(1, 2, 3)) / noise.mean(axis=(1, 2, 3))
        level *= 10 ** (-ratio / 10)
        noise = level[:, None, None, None] * noise
        noisy = np.log(np.maximum(signal, 0) + noise + FLOOR)
        return standard.apply(noisy) if standard else noisy.astype(np.float32)

    return corrupt


def _noise_energies(mel: LogMel, clips: int, frames: int, rng: Generator) -> np.ndarray:
    """Band energies of white noise of unit variance, `(clips, frames, bands, 1)`."""
    hop, frame = (mel._samples(ms) for ms in (mel.hop_ms, mel.frame_ms))
    samples = rng.standard_normal((clips, frame + hop * (frames - 1)))
    return np.exp(np.float64(LogMel.apply(mel, samples))) - FLOOR


def _log_energies(raw: np.ndarray, standard: Standardise | None) -> np.ndarray:
    """Stored features before standardization, float64."""
    if standard is None:
        return raw.astype(np.float64)
    deviation = np.reshape(standard.deviation, (-1, 1))
    return raw.astype(np.float64) * deviation + np.reshape(standard.mean, (-1, 1))


# ---------------------------------------------------------------- texts, tables


def _for_texts(spec: TaskSpec, steps: Sequence[Any]) -> list[Corruption]:
    vocabulary = find_step(steps, Vocabulary)
    if vocabulary is None:
        return []
    words = vocabulary.words
    numbers = {word: number for number, word in enumerate(words)}

    def corrupt(raw: np.ndarray, amount: float, rng: Generator) -> np.ndarray:
        tokens = raw.copy()
        chosen = (raw > UNKNOWN) & (rng.random(raw.shape) < amount)
        for position in map(tuple, np.argwhere(chosen)):
            word = misspell(words[raw[position]], rng)
            tokens[position] = numbers.get(word, UNKNOWN)
        return spec.to_input(tokens)

    amounts = (0.05, 0.1, 0.2, 0.3, 0.5)
    return [Corruption("typos", "fraction of the words", amounts, corrupt)]


def misspell(word: str, rng: Generator) -> str:
    """Change one letter: swap it with the next, drop, double or replace it.

    Args:
        word: at least one letter.
        rng: source of the position, the kind of change and the new letter.
    """
    position, kind = int(rng.integers(len(word))), int(rng.integers(4))
    letter = LETTERS[int(rng.integers(len(LETTERS)))]
    before, old, after = word[:position], word[position], word[position + 1 :]
    if kind == 0 and after:
        return before + after[0] + old + after[1:]
    if kind == 1:
        return before + after
    return before + (old * 2 if kind == 2 else letter) + after


def _for_tables(spec: TaskSpec) -> list[Corruption]:
    def jitter(raw: np.ndarray, amount: float, rng: Generator) -> np.ndarray:
        inputs = spec.to_input(raw)
        noise = amount * inputs.std(axis=0) * rng.standard_normal(inputs.shape)
        return (inputs + noise).astype(np.float32)

    def mask(raw: np.ndarray, amount: float, rng: Generator) -> np.ndarray:
        inputs = spec.to_input(raw)
        masked = rng.random(inputs.shape) < amount
        replaced = np.where(masked, inputs.mean(axis=0), inputs)
        return replaced.astype(np.float32)

    amounts = (0.05, 0.1, 0.2, 0.3, 0.5)
    unit = "fraction of the values, replaced by the mean"
    return [
        Corruption("noise", "standard deviations of the column", amounts, jitter),
        Corruption("missing", unit, amounts, mask),
    ]


def _for_series(spec: TaskSpec) -> list[Corruption]:
    def noise(raw: np.ndarray, amount: float, rng: Generator) -> np.ndarray:
        inputs = spec.to_input(raw)
        added = amount * inputs.std(axis=(0, 1)) * rng.standard_normal(inputs.shape)
        return (inputs + added).astype(np.float32)

    def missing(raw: np.ndarray, amount: float, rng: Generator) -> np.ndarray:
        inputs = spec.to_input(raw)
        kept = rng.random(inputs.shape[:2]) >= amount
        kept[:, 0] = True
        steps = np.where(kept, np.arange(inputs.shape[1]), 0)
        last = np.maximum.accumulate(steps, axis=1)
        return np.take_along_axis(inputs, last[..., None], axis=1)

    amounts = (0.05, 0.1, 0.2, 0.3, 0.5)
    unit = "fraction of the steps, replaced by the one before"
    return [
        Corruption("noise", "standard deviations of the column", amounts, noise),
        Corruption("missing", unit, amounts, missing),
    ]
