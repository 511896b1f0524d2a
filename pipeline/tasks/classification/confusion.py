"""confusion.png: confusion matrices, one panel per model.

A row is a true class. Blue is its recall; orange is the fraction predicted as another
class, on a square-root scale that makes one error in fifty visible. Counts are written
into the cells of up to 20 classes.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from pipeline.metrics.classification import accuracy, confusion_matrix
from pipeline.tasks.spec import TaskSpec

MAX_COUNTED = 20  # classes; more leave no room for counts
MAX_NAMED = 50  # classes; more leave no room for names
MAX_NAME = 12  # characters


def draw(
    path: Path, y: np.ndarray, predicted: Mapping[str, np.ndarray], spec: TaskSpec
) -> None:
    """Draw a panel per model.

    Args:
        path: the picture, replaced if it exists.
        y: true classes, `(n,)`.
        predicted: title -> predicted classes of one model, `(n,)`.
        spec: signature of the data, with the names of the classes.
    """
    count = len(spec.classes)
    side = min(9.0, max(3.6, 1.2 + 0.36 * count))
    size = (side * len(predicted), side + 0.2)
    layout = ConstrainedLayoutEngine(compress=True, w_pad=0.1, h_pad=0.1)
    figure = Figure(figsize=size, layout=layout)
    panels = figure.subplots(1, len(predicted), squeeze=False)[0]
    for axis, (title, classes) in zip(panels, predicted.items(), strict=True):
        _panel(axis, confusion_matrix(y, classes, count), spec.classes)
        axis.set_title(f"{title}: {accuracy(y, classes):.3f}", fontsize=11, pad=10)
    figure.savefig(path, dpi=100)


def _panel(axis: Axes, counts: np.ndarray, classes: tuple[str, ...]) -> None:
    axis.imshow(_colours(counts))
    if len(classes) <= MAX_COUNTED:
        _write_counts(axis, counts)
    if len(classes) <= MAX_NAMED:
        _name(axis, [_short(name) for name in classes])
    axis.set(xlabel="predicted", ylabel="true")
    axis.spines[:].set_visible(False)
    axis.tick_params(length=0, labelsize=9)


def _colours(counts: np.ndarray) -> np.ndarray:
    """Red, green, blue and alpha of each cell, `(classes, classes, 4)`."""
    fraction = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    correct = colormaps["Blues"](0.75 * fraction)
    wrong = colormaps["Oranges"](0.9 * np.sqrt(fraction))
    colours = np.where(np.eye(len(counts), dtype=bool)[..., None], correct, wrong)
    colours[counts == 0] = (0.965, 0.965, 0.965, 1.0)
    return colours


def _write_counts(axis: Axes, counts: np.ndarray) -> None:
    dark = 2 * np.diag(counts) > counts.sum(axis=1)
    for row, column in np.argwhere(counts):
        shade = "white" if row == column and dark[row] else "black"
        text = str(counts[row, column])
        axis.text(column, row, text, ha="center", va="center", color=shade, fontsize=8)


def _name(axis: Axes, names: list[str]) -> None:
    rotation = 0 if max(map(len, names)) <= 2 else 90
    # Names may contain a `$`, which would start a formula.
    axis.set_xticks(range(len(names)), names, rotation=rotation, parse_math=False)
    axis.set_yticks(range(len(names)), names, parse_math=False)


def _short(name: str) -> str:
    return name if len(name) <= MAX_NAME else name[: MAX_NAME - 1] + "…"
