"""A look at NumPy arrays: `npz:` and `npy:`."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from pipeline.core.errors import UserError
from pipeline.data.array_files import ArrayStore, FolderStore, open_npz, read_array
from pipeline.data.params import DataParams
from pipeline.data.rows import read_header
from pipeline.data.sources.reader import MAX_FRACTIONAL_LABELS, in_order
from pipeline.experiment.summary.summary import Summary, described

LABELS = ("label", "y", "labels", "target", "targets")

SERIES = 3  # times as many rows as columns: steps of a series, not an image


def npz(path: Path, params: DataParams, summary: Summary) -> None:
    """Note the arrays of an .npz file.

    Raises:
        UserError: when it has no array x, or none of labels.
    """
    with open_npz(path, params.limits.decompressed) as store:
        _look(store, summary)


def npy(path: Path, params: DataParams, summary: Summary) -> None:
    """Note the .npy files of a folder; see `npz`."""
    _look(FolderStore(path), summary)


def _look(store: ArrayStore, summary: Summary) -> None:
    names = store.names()
    x = "x" if "x" in names or "x_train" not in names else "x_train"
    with store.open(x) as file:
        shape, _, dtype = read_header(file)
    summary.add(f"{x}: {dtype} {tuple(shape)}")
    summary.modality = "table" if len(shape) == 2 else "image"
    if len(shape) == 3 and SERIES * shape[2] <= shape[1]:
        summary.builder = "cnn1d"
        summary.add(f"taken for {shape[1]} steps of {shape[2]} numbers, not for images")
    suffix = x.removeprefix("x")
    label = next((n for n in LABELS if f"{n}{suffix}" in names), None)
    if label is None:
        raise UserError(
            f"{store.path}: no array of labels (there are: {', '.join(names)}); store "
            "it as y: numpy.savez(FILE, x=x, y=y)"
        )
    if label not in ("label", "y"):
        summary.settings["columns"] = {"label": label}
    _labels(label, read_array(store, f"{label}{suffix}"), summary)


def _labels(name: str, y: np.ndarray, summary: Summary) -> None:
    one_hot = y.ndim == 2 and y.shape[1] > 1
    if one_hot:
        summary.add(f"{name}: one-hot, {y.shape[1]} classes")
        return
    values = np.unique(y)
    is_float = y.dtype.kind == "f"
    finite = values[np.isfinite(values)] if is_float else values
    if is_float and int((finite % 1 != 0).sum()) > 0 and len(finite) > 2:
        summary.numbers = len(finite) > MAX_FRACTIONAL_LABELS or len(y) < 500
    if summary.numbers:
        low, high = float(finite.min()), float(finite.max())
        summary.add(f"{name}: numbers from {low:.6g} to {high:.6g}")
    else:
        texts = [f"{value:g}" if is_float else str(value) for value in finite.tolist()]
        summary.add(f"{name}: {described(list(in_order(texts)))}")
