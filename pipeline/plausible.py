"""Whether raw numbers look like those that a model was trained on.

In: raw examples, what became of them, and what the data stage published: spec.json's
scale and statistics, and the training examples where they are on this disk. Out: a
line of doubt, or nothing. A rare reading may be right, so nothing is refused here.
"""

from __future__ import annotations

import numpy as np

from pipeline.data.artifact import Data
from pipeline.data.features import Standardise

# Modality -> the largest stored value that needs no training example like it: of
# deviations from the mean, or of pixels, which are about 0 .. 1 or -1 .. 1.
USUAL = {"table": 10.0, "audio": 10.0, "image": 2.0}
BEYOND = 2.0  # times the largest of training is far outside
LOUD = 2.0  # samples of a clip are -1 .. 1
LOOKED_AT = 10_000  # training examples


def doubt(raw: np.ndarray, stored: np.ndarray, data: Data) -> str:
    """What is odd about the numbers, for the end of a warning; else nothing.

    Args:
        raw: examples as they were given, `(n, ...)`.
        stored: the same after the steps of spec.json, `(n, *spec.shape)`.
    """
    spec = data.spec
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
        return _fractions(raw, data)
    if spec.modality == "table":
        return _column(raw, stored, data)
    return _whole(stored, data)


def _fractions(raw: np.ndarray, data: Data) -> str:
    """Whether an image of 0 .. 1 is given where whole numbers are stored."""
    spec = data.spec
    white = round((1 - spec.offset) / spec.scale) if spec.scale else 0
    if raw.dtype.kind != "f" or white <= 1 or (raw == np.round(raw)).all():
        return ""
    return (
        f"holds fractions, up to {raw.max():g}, but raw values of "
        f'"{spec.name}" are whole numbers from 0 to {white}: fractions are cut off'
    )


def _column(raw: np.ndarray, stored: np.ndarray, data: Data) -> str:
    """The column of a table that lies furthest outside."""
    most = np.abs(stored).max(axis=0)
    excess = most / np.maximum(USUAL["table"], BEYOND * _known(data, axis=0))
    at = int(excess.argmax())
    if excess[at] <= 1:
        return ""
    row = int(np.abs(stored[:, at]).argmax())
    names = data.spec.inputs or [f"column {number}" for number in range(len(most))]
    scale = next((s for s in data.steps() if isinstance(s, Standardise)), None)
    usual = f" of {scale.mean[at]:.4g} +- {scale.deviation[at]:.4g}" if scale else ""
    return (
        f'"{names[at]}" is {raw[row, at]:g}, {most[at]:,.0f} deviations from the '
        f"training examples' mean{usual}: is its unit theirs?"
    )


def _whole(stored: np.ndarray, data: Data) -> str:
    """Pixels or features of sound that lie far outside."""
    kind = data.spec.modality
    usual = max(USUAL[kind], BEYOND * float(_known(data, axis=None)))
    plain = kind == "image" or any(isinstance(s, Standardise) for s in data.steps())
    if _most(stored) <= usual or not plain:
        return ""
    what = "values" if kind == "image" else "features, in deviations from the mean,"
    return (
        f"holds {what} up to {_most(stored):g}, but the model was trained on "
        f"{usual / BEYOND:g} at most: is it on that scale?"
    )


def _known(data: Data, axis: int | None) -> np.ndarray:
    """The largest value of training examples; 0 where they are not on this disk."""
    if not (data.folder / "train_x.npy").is_file():
        return np.zeros(())
    return np.abs(data.train().x[:LOOKED_AT]).max(axis=axis, initial=0)


def _most(values: np.ndarray) -> float:
    return float(np.abs(values).max(initial=0))
