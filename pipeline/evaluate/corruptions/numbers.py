"""Corruptions of tables and of windows over time: noise, and missing values."""

from __future__ import annotations

import numpy as np

from pipeline.evaluate.corruptions.corruption import Corruption, Generator
from pipeline.tasks.spec import TaskSpec


def for_tables(spec: TaskSpec) -> list[Corruption]:
    """Return noise and missing values.

    Args:
        spec: signature of the data.
    """

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


def for_series(spec: TaskSpec) -> list[Corruption]:
    """Return noise and missing steps of windows of numbers over time.

    Args:
        spec: signature of the data.
    """

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
