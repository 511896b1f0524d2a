"""What the world does to inputs: corruptions at five severities, all seeded.

For images after D. Hendrycks and T. Dietterich, Benchmarking Neural Network
Robustness to Common Corruptions and Perturbations, 2019 (the severities of their
CIFAR-10-C where it has the corruption); white noise at a stated ratio for audio,
misspelt words for texts, noise and missing values for tables.

    for corruption in fitting(spec, steps):
        inputs = corruption.apply(raw, severity, seed)      # model inputs
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image
from scipy import ndimage

from pipeline.data.features import FLOOR, LogMel, Mfcc, Standardise, Vocabulary
from pipeline.data.spec import TaskSpec

SEVERITIES = (1, 2, 3, 4, 5)
LETTERS = "abcdefghijklmnopqrstuvwxyz"
UNKNOWN = 1
PIECE = 64  # clips whose noise is made at once
Draw = np.random.Generator


@dataclass(frozen=True)
class Corruption:
    """One way to spoil examples.

    Args:
        unit: what the amounts are.
        amounts: of severities 1 to 5.
        spoil: `(raw, amount, draw) -> model inputs`.
    """

    name: str
    unit: str
    amounts: tuple[float, ...]
    spoil: Callable[[np.ndarray, float, Draw], np.ndarray]

    def apply(self, raw: np.ndarray, severity: int, seed: int) -> np.ndarray:
        """Model inputs for stored examples `(n, *shape)`; equal for equal seeds."""
        draw = np.random.default_rng(seed)
        return self.spoil(raw, self.amounts[severity - 1], draw)


def fitting(spec: TaskSpec, steps: Sequence[Any]) -> list[Corruption]:
    """The corruptions for these data.

    Args:
        steps: what made stored examples of raw ones, `pipeline.data.features`.
    """
    if spec.modality == "image" and len(spec.shape) == 3:
        return _for_images(spec)
    if spec.modality == "audio":
        return _for_audio(spec, steps)
    if spec.modality == "text":
        return _for_texts(spec, steps)
    return _for_tables(spec) if spec.modality == "table" else []


def missing(spec: TaskSpec, steps: Sequence[Any]) -> str | None:
    """Why these data have fewer corruptions than their kind, or None."""
    if spec.modality == "audio" and _front_end(steps) is None:
        return (
            "noise: the stored features keep no energies that noise could be added to"
        )
    if spec.modality == "text" and _vocabulary(steps) is None:
        return "typos: the data name no vocabulary, so words cannot be spelt"
    return None


# ---------------------------------------------------------------- images


def _for_images(spec: TaskSpec) -> list[Corruption]:
    def on(change: Callable) -> Callable:
        def spoil(raw: np.ndarray, amount: float, draw: Draw) -> np.ndarray:
            inputs = spec.to_input(raw)
            low, high = inputs.min(), max(inputs.max(), inputs.min() + 1e-6)
            unit = np.clip(change((inputs - low) / (high - low), amount, draw), 0, 1)
            return np.float32(unit * (high - low) + low)

        return spoil

    return [Corruption(n, unit, at, on(f)) for n, unit, at, f in IMAGES]


def _noise(unit: np.ndarray, amount: float, draw: Draw) -> np.ndarray:
    return unit + amount * draw.standard_normal(unit.shape)


def _blur(unit: np.ndarray, amount: float, draw: Draw) -> np.ndarray:
    return ndimage.gaussian_filter(unit, (0, amount, amount, 0), mode="nearest")


def _bright(unit: np.ndarray, amount: float, draw: Draw) -> np.ndarray:
    return unit + amount


def _contrast(unit: np.ndarray, amount: float, draw: Draw) -> np.ndarray:
    mean = unit.mean(axis=(1, 2), keepdims=True)
    return (unit - mean) * amount + mean


def _pixelate(unit: np.ndarray, amount: float, draw: Draw) -> np.ndarray:
    """Fewer pixels, each the mean of what it covers, and back by the nearest."""
    height, width = unit.shape[1:3]
    small = max(1, round(width * amount)), max(1, round(height * amount))

    def one(plane: np.ndarray) -> np.ndarray:
        image = Image.fromarray(np.float32(plane)).resize(small, Image.BOX)
        return np.asarray(image.resize((width, height), Image.NEAREST))

    planes = np.moveaxis(unit, -1, 1).reshape(-1, height, width)
    made = np.stack([one(plane) for plane in planes])
    return np.moveaxis(made.reshape(len(unit), -1, height, width), 1, -1)


def _rotate(unit: np.ndarray, amount: float, draw: Draw) -> np.ndarray:
    """All by one angle, half of them the other way."""
    out, left = np.empty_like(unit), draw.random(len(unit)) < 0.5
    for chosen, angle in ((left, amount), (~left, -amount)):
        out[chosen] = ndimage.rotate(
            unit[chosen], angle, axes=(1, 2), reshape=False, order=1, mode="nearest"
        )
    return out


def _shift(unit: np.ndarray, amount: float, draw: Draw) -> np.ndarray:
    """Each up, down, left or right, between pixels if need be."""
    out, way = np.empty_like(unit), draw.integers(4, size=len(unit))
    for number, (down, right) in enumerate(((1, 0), (-1, 0), (0, 1), (0, -1))):
        by = (0, down * amount * unit.shape[1], right * amount * unit.shape[2], 0)
        chosen = way == number
        out[chosen] = ndimage.shift(unit[chosen], by, order=1, mode="nearest")
    return out


# Name, what the amounts are, those of severities 1 to 5, and what is done.
IMAGES = (
    ("noise", "deviation, part of the range", (0.04, 0.06, 0.08, 0.09, 0.1), _noise),
    ("blur", "deviation, pixels", (0.4, 0.6, 0.7, 0.8, 1.0), _blur),
    ("brightness", "added, part of the range", (0.05, 0.1, 0.15, 0.2, 0.3), _bright),
    ("contrast", "part that is left", (0.75, 0.5, 0.4, 0.3, 0.15), _contrast),
    (
        "pixelate",
        "part of the side that is left",
        (0.95, 0.9, 0.85, 0.75, 0.65),
        _pixelate,
    ),
    ("rotate", "degrees, either way", (5, 10, 15, 20, 30), _rotate),
    ("shift", "part of the side, any way", (0.04, 0.08, 0.12, 0.16, 0.2), _shift),
)


# ---------------------------------------------------------------- audio


def _for_audio(spec: TaskSpec, steps: Sequence[Any]) -> list[Corruption]:
    def late(raw: np.ndarray, amount: float, draw: Draw) -> np.ndarray:
        moved = round(amount * raw.shape[1]) * draw.choice([-1, 1], size=len(raw))
        places = np.arange(raw.shape[1])[None] - moved[:, None]
        kept = np.clip(places, 0, raw.shape[1] - 1)
        return spec.to_input(np.take_along_axis(raw, kept[:, :, None, None], axis=1))

    found = [
        Corruption(
            "shift", "part of the clip, either way", (0.04, 0.08, 0.12, 0.16, 0.2), late
        )
    ]
    if front := _front_end(steps):
        noisy = _noisy(spec, *front)
        ratios = (20.0, 15.0, 10.0, 5.0, 0.0)
        found.insert(0, Corruption("noise", "dB, signal to white noise", ratios, noisy))
    return found


def _front_end(steps: Sequence[Any]) -> tuple[LogMel, Standardise | None] | None:
    """The step that takes logarithms of energies, and what is done to them."""
    mel = [step for step in steps if isinstance(step, LogMel)]
    if not mel or isinstance(mel[0], Mfcc):
        return None
    after = [step for step in steps if isinstance(step, Standardise)]
    return mel[0], (after[0] if after else None)


def _noisy(spec: TaskSpec, mel: LogMel, standard: Standardise | None) -> Callable:
    """Adds the band energies of white noise to those of each clip.

    The sound itself is not kept. Energies of sounds that have nothing to do with
    each other add up, but for a cross term of mean zero, which is left out.
    """

    def spoil(raw: np.ndarray, amount: float, draw: Draw) -> np.ndarray:
        parts = [raw[at : at + PIECE] for at in range(0, len(raw), PIECE)]
        return spec.to_input(np.concatenate([add(p, amount, draw) for p in parts]))

    def add(raw: np.ndarray, ratio: float, draw: Draw) -> np.ndarray:
        signal = np.exp(_undone(raw, standard)) - FLOOR
        hop, frame = (mel._samples(ms) for ms in (mel.hop_ms, mel.frame_ms))
        clips = draw.standard_normal((len(raw), frame + hop * (raw.shape[1] - 1)))
        noise = np.exp(np.float64(LogMel.apply(mel, clips))) - FLOOR
        level = signal.mean(axis=(1, 2, 3)) / noise.mean(axis=(1, 2, 3))
        level *= 10 ** (-ratio / 10)
        both = np.log(
            np.maximum(signal, 0) + level[:, None, None, None] * noise + FLOOR
        )
        return standard.apply(both) if standard else np.float32(both)

    return spoil


def _undone(raw: np.ndarray, standard: Standardise | None) -> np.ndarray:
    if standard is None:
        return np.float64(raw)
    deviation, mean = (
        np.reshape(each, (-1, 1)) for each in (standard.deviation, standard.mean)
    )
    return np.float64(raw) * deviation + mean


# ---------------------------------------------------------------- texts, tables


def _for_texts(spec: TaskSpec, steps: Sequence[Any]) -> list[Corruption]:
    vocabulary = _vocabulary(steps)
    if vocabulary is None:
        return []
    numbers = {word: number for number, word in enumerate(vocabulary.words)}

    def spoil(raw: np.ndarray, amount: float, draw: Draw) -> np.ndarray:
        out = raw.copy()
        for at in np.argwhere((raw > UNKNOWN) & (draw.random(raw.shape) < amount)):
            word = misspell(vocabulary.words[raw[tuple(at)]], draw)
            out[tuple(at)] = numbers.get(word, UNKNOWN)
        return spec.to_input(out)

    return [Corruption("typos", "part of the words", (0.05, 0.1, 0.2, 0.3, 0.5), spoil)]


def _vocabulary(steps: Sequence[Any]) -> Vocabulary | None:
    return next((step for step in steps if isinstance(step, Vocabulary)), None)


def misspell(word: str, draw: Draw) -> str:
    """One letter swapped with the next, left out, doubled, or another one."""
    at, kind = int(draw.integers(len(word))), int(draw.integers(4))
    letter = LETTERS[int(draw.integers(len(LETTERS)))]
    before, own, after = word[:at], word[at], word[at + 1 :]
    if kind == 0 and after:
        return before + after[0] + own + after[1:]
    if kind == 1:
        return before + after
    return before + (own * 2 if kind == 2 else letter) + after


def _for_tables(spec: TaskSpec) -> list[Corruption]:
    def jitter(raw: np.ndarray, amount: float, draw: Draw) -> np.ndarray:
        inputs = spec.to_input(raw)
        added = amount * inputs.std(axis=0) * draw.standard_normal(inputs.shape)
        return np.float32(inputs + added)

    def lose(raw: np.ndarray, amount: float, draw: Draw) -> np.ndarray:
        inputs = spec.to_input(raw)
        gone = draw.random(inputs.shape) < amount
        return np.float32(np.where(gone, inputs.mean(axis=0), inputs))

    amounts = (0.05, 0.1, 0.2, 0.3, 0.5)
    return [
        Corruption("noise", "deviations of the column", amounts, jitter),
        Corruption(
            "missing", "part of the values, replaced by the mean", amounts, lose
        ),
    ]
