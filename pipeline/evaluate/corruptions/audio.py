"""Corruptions of clips: white noise at a given signal-to-noise ratio, and shifts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pipeline.data.features import FLOOR, LogMel, Mfcc, Standardise, find_step
from pipeline.evaluate.corruptions.corruption import Corrupt, Corruption, Generator
from pipeline.tasks.spec import TaskSpec

BATCH = 64  # clips whose noise is in memory at once


def for_audio(spec: TaskSpec, steps: Sequence[Any]) -> list[Corruption]:
    """Return a shift, and noise where the features hold energies.

    Args:
        spec: signature of the data.
        steps: preprocessing steps from raw to stored, see `pipeline.data.features`.
    """
    unit, amounts = (
        "fraction of the clip, either direction",
        (0.04, 0.08, 0.12, 0.16, 0.2),
    )
    shift = Corruption("shift", unit, amounts, _time_shift(spec))
    parts = front_end(steps)
    if parts is None:
        return [shift]
    ratios = (20.0, 15.0, 10.0, 5.0, 0.0)
    add_noise = _white_noise(spec, *parts)
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


def front_end(steps: Sequence[Any]) -> tuple[LogMel, Standardise | None] | None:
    """Return the step that computes log energies, and the one that standardizes them.

    Args:
        steps: preprocessing steps from raw to stored.

    Returns:
        None where the stored features are not log energies; the second is None where
        they are not standardized.
    """
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
