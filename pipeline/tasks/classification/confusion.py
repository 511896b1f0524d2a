"""confusion.png: which classes a model takes for which others.

One panel a model. A row is a true class; blue is the part that is found, orange
what is taken for another class, deeper than in proportion so that one mistake in
fifty is seen. Counts stand in the cells while there is room for them.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from pipeline.metrics.classification import accuracy, confusion
from pipeline.tasks.spec import TaskSpec

MOST_COUNTED = 20  # classes; with more there is no room for numbers
MOST_NAMED = 50
LONGEST_NAME = 12  # characters


def draw(
    path: Path, y: np.ndarray, predicted: Mapping[str, np.ndarray], spec: TaskSpec
) -> None:
    """Draw a panel for each model.

    Args:
        y: true class numbers, `(n,)`.
        predicted: title -> class numbers of one model, `(n,)`.
    """
    count = len(spec.classes)
    side = min(9.0, max(3.6, 1.2 + 0.36 * count))
    size = (side * len(predicted), side + 0.2)
    layout = ConstrainedLayoutEngine(compress=True, w_pad=0.1, h_pad=0.1)
    figure = Figure(figsize=size, layout=layout)
    panels = figure.subplots(1, len(predicted), squeeze=False)[0]
    for axis, (title, guess) in zip(panels, predicted.items(), strict=True):
        _panel(axis, confusion(y, guess, count), spec.classes)
        axis.set_title(f"{title}: {accuracy(y, guess):.3f}", fontsize=11, pad=10)
    figure.savefig(path, dpi=100)


def _panel(axis: Axes, counts: np.ndarray, classes: tuple[str, ...]) -> None:
    axis.imshow(_colours(counts))
    if len(classes) <= MOST_COUNTED:
        _write_counts(axis, counts)
    if len(classes) <= MOST_NAMED:
        _name(axis, [_short(name) for name in classes])
    axis.set(xlabel="predicted", ylabel="true")
    axis.spines[:].set_visible(False)
    axis.tick_params(length=0, labelsize=9)


def _colours(counts: np.ndarray) -> np.ndarray:
    """Red, green, blue and alpha of each cell, `(classes, classes, 4)`."""
    part = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    found = colormaps["Blues"](0.75 * part)
    mistaken = colormaps["Oranges"](0.9 * np.sqrt(part))
    colours = np.where(np.eye(len(counts), dtype=bool)[..., None], found, mistaken)
    colours[counts == 0] = (0.965, 0.965, 0.965, 1.0)
    return colours


def _write_counts(axis: Axes, counts: np.ndarray) -> None:
    deep = 2 * np.diag(counts) > counts.sum(axis=1)
    for row, column in np.argwhere(counts):
        shade = "white" if row == column and deep[row] else "black"
        text = str(counts[row, column])
        axis.text(column, row, text, ha="center", va="center", color=shade, fontsize=8)


def _name(axis: Axes, names: list[str]) -> None:
    turned = 0 if max(map(len, names)) <= 2 else 90
    # A `$` in a name is no formula.
    axis.set_xticks(range(len(names)), names, rotation=turned, parse_math=False)
    axis.set_yticks(range(len(names)), names, parse_math=False)


def _short(name: str) -> str:
    return name if len(name) <= LONGEST_NAME else name[: LONGEST_NAME - 1] + "…"
