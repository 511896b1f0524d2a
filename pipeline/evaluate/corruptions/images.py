"""Corruptions of images in the range 0 to 1.

Hendrycks and Dietterich, Benchmarking Neural Network Robustness to Common Corruptions
and Perturbations, 2019, with the severities of their CIFAR-10-C where it has the
corruption.
"""

from __future__ import annotations

import numpy as np
from PIL import Image
from scipy import ndimage

from pipeline.evaluate.corruptions.corruption import Corrupt, Corruption, Generator
from pipeline.tasks.registry import task_of
from pipeline.tasks.spec import TaskSpec

MOVING = ("rotate", "shift")  # corruptions that move pixels


def for_images(spec: TaskSpec) -> list[Corruption]:
    """Return the corruptions of images; those that move pixels only where labels stay.

    Args:
        spec: signature of the data.
    """
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
