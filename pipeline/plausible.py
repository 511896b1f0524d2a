"""Whether raw numbers look like those that a model was trained on.

In: raw examples, what became of them, and what the data stage published: spec.json's
scale and statistics, and the training examples where they are on this disk. Out: a
line of doubt, or nothing. A rare reading may be right, so nothing is refused here.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from pipeline.data.artifact import Data
from pipeline.data.features import Standardise

# Modality -> the largest stored value that needs no training example like it: of
# deviations from the mean, or of pixels, which are about 0 .. 1 or -1 .. 1.
USUAL = {"table": 10.0, "audio": 10.0, "image": 2.0}
BEYOND = 2.0  # times the largest of training is far outside
LOUD = 2.0  # samples of a clip are -1 .. 1
LOOKED_AT = 10_000  # training examples


@dataclass(frozen=True)
class Doubts:
    """What is odd about raw numbers; the training examples are read once at most."""

    data: Data

    def of(self, raw: np.ndarray, stored: np.ndarray) -> str:
        """What is odd about the numbers, for the end of a warning; else nothing.

        Args:
            raw: examples as they were given, `(n, ...)`.
            stored: the same after the steps of spec.json, `(n, *spec.shape)`.
        """
        spec = self.data.spec
        if spec.modality not in USUAL or not stored.size:
            return ""
        if not np.isfinite(stored).all():
            return "holds NaN or infinity, of which no answer is worth anything"
        if spec.modality == "audio" and _most(raw) > LOUD and spec.preprocess:
            return (
                f"holds samples up to {_most(raw):g}, but clips are of -1 to 1; divide "
                "those of 16 bits by 32768"
            )
        if spec.dtype == "uint8":
            return _fractions(raw, self.data)
        if _most(stored) <= USUAL[spec.modality]:
            return ""
        table = spec.modality == "table" and _scale(self.data) is not None
        return self._column(raw, stored) if table else self._whole(stored)

    def _column(self, raw: np.ndarray, stored: np.ndarray) -> str:
        """The column of a table that lies furthest outside."""
        most, trained = np.abs(stored).max(axis=0), self._trained
        known = 0.0 if trained is None else BEYOND * trained
        excess = most / np.maximum(USUAL["table"], known)
        at = int(excess.argmax())
        return _outside(raw, stored, at, self.data) if excess[at] > 1 else ""

    def _whole(self, stored: np.ndarray) -> str:
        """Pixels, features of sound, or numbers as they are, far outside."""
        kind, most, trained = self.data.spec.modality, _most(stored), self._trained
        if kind == "audio" and _scale(self.data) is None:
            return ""
        if kind == "table" and trained is None:
            return ""
        told = f"usual are values up to about {USUAL[kind] / BEYOND:g}"
        if trained is not None:
            largest = float(trained.max(initial=0))
            if most <= BEYOND * largest:
                return ""
            told = f"the model was trained on {largest:g} at most"
        what = "features, in deviations from the mean," if kind == "audio" else "values"
        return f"holds {what} up to {most:g}, but {told}: is it on that scale?"

    @cached_property
    def _trained(self) -> np.ndarray | None:
        """The largest of training examples, `spec.shape`; None if not on this disk."""
        try:
            x = np.load(self.data.folder / "train_x.npy", mmap_mode="r")[:LOOKED_AT]
        except (OSError, ValueError, EOFError):
            return None
        return np.maximum(x.max(axis=0, initial=0), -x.min(axis=0, initial=0))


def _fractions(raw: np.ndarray, data: Data) -> str:
    """Whether an image of 0 .. 1 is given where whole numbers are stored."""
    spec = data.spec
    if raw.dtype.kind != "f" or spec.white <= 1 or (raw == np.round(raw)).all():
        return ""
    return (
        f"holds fractions, up to {raw.max():g}, but raw values of "
        f'"{spec.name}" are whole numbers from 0 to {spec.white}: fractions are cut off'
    )


def _outside(raw: np.ndarray, stored: np.ndarray, at: int, data: Data) -> str:
    """The value of column `at` that lies furthest outside, in words."""
    row, scale = int(np.abs(stored[:, at]).argmax()), _scale(data)
    far = abs(stored[row, at])
    name = data.spec.inputs[at] if data.spec.inputs else f"column {at}"
    usual = f" of {scale.mean[at]:.4g} +- {scale.deviation[at]:.4g}"
    return (
        f'"{name}" is {raw[row, at]:g}, {far:,.0f} deviations from the '
        f"training examples' mean{usual}: is its unit theirs?"
    )


def _scale(data: Data) -> Standardise | None:
    return next((s for s in data.steps() if isinstance(s, Standardise)), None)


def _most(values: np.ndarray) -> float:
    return float(np.abs(values).max(initial=0))
