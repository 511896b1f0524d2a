"""Range check of raw numbers against those a model was trained on.

In: raw examples, the same after preprocessing, and what the data stage published:
the scale and statistics in spec.json, and the training examples where they are on this
disk. Out: a warning, or nothing. A rare value may be correct, so nothing is refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from pipeline.core.errors import UserError
from pipeline.core.quoting import shown
from pipeline.data.artifact import Data
from pipeline.data.features import Standardise
from pipeline.data.stored import stored_rows
from pipeline.data.table_steps import EncodeColumns

# Modality -> the largest magnitude that is accepted without comparing it with training
# examples: in standard deviations, or in pixel values of about 0 .. 1 or -1 .. 1.
ACCEPTED = {"table": 10.0, "series": 10.0, "audio": 10.0, "image": 2.0}
FACTOR = 2.0  # times the largest training magnitude is far outside
MAX_SAMPLE = 2.0  # clips are -1 .. 1
MAX_TRAINING = 10_000  # training examples that are compared with


@dataclass(frozen=True)
class RangeCheck:
    """A check of raw numbers; the training examples are read once, when needed.

    Args:
        data: of the experiment.
    """

    data: Data

    def problem(self, raw: np.ndarray, stored: np.ndarray) -> str:
        """The end of a warning about implausible numbers; empty if there are none.

        Args:
            raw: examples before preprocessing, `(n, ...)`.
            stored: the same after the steps of spec.json, `(n, *spec.shape)`.
        """
        spec = self.data.spec
        if spec.modality == "text":
            return _rare_token(stored, spec.vocabulary)
        if spec.modality not in ACCEPTED or not stored.size:
            return ""
        if not np.isfinite(stored).all():
            return "holds NaN or infinity; predictions for it are meaningless"
        if (
            spec.modality == "audio"
            and _magnitude(raw) > MAX_SAMPLE
            and spec.preprocess
        ):
            return (
                f"holds samples up to {_magnitude(raw):g}, but clips range from -1 to "
                "1; divide 16-bit samples by 32768"
            )
        if spec.dtype == "uint8":
            return _fractions(raw, self.data)
        if _magnitude(stored) <= ACCEPTED[spec.modality]:
            return ""
        standardized = spec.modality == "table" and _scale(self.data) is not None
        return self._column(raw, stored) if standardized else self._whole(stored)

    def _column(self, raw: np.ndarray, stored: np.ndarray) -> str:
        """The table column that is furthest outside."""
        magnitude, trained = np.abs(stored).max(axis=0), self._trained
        allowed = 0.0 if trained is None else FACTOR * trained
        excess = magnitude / np.maximum(ACCEPTED["table"], allowed)
        column = int(excess.argmax())
        return _outside(raw, stored, column, self.data) if excess[column] > 1 else ""

    def _whole(self, stored: np.ndarray) -> str:
        """Pixels, audio features, or numbers without standardization, far outside."""
        kind, largest, trained = (
            self.data.spec.modality,
            _magnitude(stored),
            self._trained,
        )
        if kind == "audio" and _scale(self.data) is None:
            return ""
        if kind == "table" and trained is None:
            return ""
        usual = f"values up to about {ACCEPTED[kind] / FACTOR:g} are usual"
        if trained is not None:
            limit = float(trained.max(initial=0))
            if largest <= FACTOR * limit:
                return ""
            usual = f"the model was trained on at most {limit:g}"
        what = "features, in standard deviations," if kind == "audio" else "values"
        return f"holds {what} up to {largest:g}, but {usual}: check the scale"

    @cached_property
    def _trained(self) -> np.ndarray | None:
        """Largest training magnitudes, `spec.shape`; None if not on this disk."""
        try:
            x = stored_rows(self.data.folder, "train")[:MAX_TRAINING]
        except (OSError, ValueError, EOFError, UserError):
            return None
        return np.maximum(x.max(axis=0, initial=0), -x.min(axis=0, initial=0))


def _rare_token(stored: np.ndarray, vocabulary: int) -> str:
    """A warning about a token that the data do not hold."""
    largest = int(stored.max(initial=0))
    if not vocabulary or largest < vocabulary:
        return ""
    return (
        f"holds the token {largest}, but those of the data are 0 to {vocabulary - 1}: "
        "check the vocabulary"
    )


def _fractions(raw: np.ndarray, data: Data) -> str:
    """A warning where fractions are given and whole numbers are stored."""
    spec = data.spec
    if raw.dtype.kind != "f" or spec.white <= 1 or (raw == np.round(raw)).all():
        return ""
    return (
        f'holds fractions, up to {raw.max():g}, but raw values of "{spec.name}" are '
        f"whole numbers from 0 to {spec.white}: fractions are truncated"
    )


def _outside(raw: np.ndarray, stored: np.ndarray, column: int, data: Data) -> str:
    """The value of a column that is furthest outside, in words."""
    row, scale = int(np.abs(stored[:, column]).argmax()), _scale(data)
    name = shown(data.spec.inputs[column] if data.spec.inputs else f"column {column}")
    mean, deviation = (scale.mean[column], scale.deviation[column]) if scale else (0, 1)
    encoded = any(isinstance(step, EncodeColumns) for step in data.steps())
    value = stored[row, column] * deviation + mean if encoded else raw[row, column]
    return (
        f'"{name}" is {value:g}, {abs(stored[row, column]):,.0f} standard '
        f"deviations from the training mean of {mean:.4g} +- {deviation:.4g}: check "
        "its unit"
    )


def _scale(data: Data) -> Standardise | None:
    return next((s for s in data.steps() if isinstance(s, Standardise)), None)


def _magnitude(values: np.ndarray) -> float:
    return float(np.abs(values).max(initial=0))
