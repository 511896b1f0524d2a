"""preview.png: some examples of each class."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from pipeline.data.artifact import Split
from pipeline.data.spec import TaskSpec

COLUMNS = 8


def draw(path: Path, split: Split, spec: TaskSpec, rows: int = 10) -> None:
    """A row of examples for each of the first `rows` classes."""
    classes = spec.classes[:rows]
    figure = Figure(figsize=(COLUMNS * 0.8, len(classes) * 0.8), layout="constrained")
    grid = figure.subplots(len(classes), COLUMNS, squeeze=False)
    images = spec.to_input(split.x)
    for label, axes in enumerate(grid):
        axes[0].set_title(classes[label], loc="left", fontsize=8)
        _row(axes, images[split.y == label])
    figure.savefig(path, dpi=80)


def show_image(axis, image: np.ndarray) -> None:
    """One image, `(height, width, 1 or 3)`, of 0 .. 1."""
    shown = np.clip(image, 0, 1)
    axis.imshow(
        shown[..., 0] if shown.shape[-1] == 1 else shown, cmap="gray_r", vmin=0, vmax=1
    )


def _row(axes, images: np.ndarray) -> None:
    for axis in axes:
        axis.set_axis_off()
    for axis, image in zip(axes, images):
        show_image(axis, image)
