"""preview.png: some examples of each class, or from the smallest number to the largest.

Images are shown as they are, audio as spectrograms (time to the right, low
frequencies below), tables as strips of their standardised values (below the mean
blue, above it red), texts in words.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure

from pipeline.data.artifact import Data
from pipeline.data.features import Vocabulary
from pipeline.data.rows import Rows
from pipeline.data.spec import TaskSpec

COLUMNS = 8
LETTERS = 110  # of a text that is shown
SPREAD = 2.5  # deviations from the middle to the darkest
SIGNED = "RdBu_r"  # white in the middle


def draw(path: Path, data: Data, rows: int = 10) -> None:
    """A row of training examples for each of the first `rows` classes."""
    stored, y = Rows(data.folder / "train_x.npy"), np.load(data.folder / "train_y.npy")
    places = _by_number(y, rows, data.spec) if data.spec.target else _by_class(y, data)
    classes, shown = zip(*[(n, stored[at[:COLUMNS]]) for n, at in places[:rows]])
    if data.spec.modality == "text":
        _draw_texts(path, classes, shown, vocabulary(data))
        return
    ends = span(data.spec.to_input(np.concatenate(shown)), data.spec)
    figure = Figure(figsize=(COLUMNS * 0.8, len(classes) * 0.8), layout="constrained")
    grid = figure.subplots(len(classes), COLUMNS, squeeze=False)
    for name, axes, examples in zip(classes, grid, shown):
        axes[0].set_title(name, loc="left", fontsize=8, parse_math=False)
        _row(axes, picture(data.spec.to_input(examples), data.spec, ends))
    figure.savefig(path, dpi=80)


Group = tuple[str, np.ndarray]  # a title, and positions in the training split


def _by_class(y: np.ndarray, data: Data) -> list[Group]:
    """Every class that has training examples."""
    groups = [
        (name, np.flatnonzero(y == k)) for k, name in enumerate(data.spec.classes)
    ]
    return [group for group in groups if len(group[1])]


def _by_number(y: np.ndarray, rows: int, spec: TaskSpec) -> list[Group]:
    """Equal parts of the examples, by the number that is to be predicted."""
    parts = np.array_split(np.argsort(y, kind="stable"), rows)
    numbers = y * spec.target["deviation"] + spec.target["mean"]
    return [
        (f"{spec.target['name']} from {numbers[at[0]]:.4g}", at)
        for at in parts
        if len(at)
    ]


def span(inputs: np.ndarray, spec: TaskSpec) -> tuple[float, float]:
    """The numbers at the two ends of the scale of colours.

    Args:
        inputs: `(n, *spec.shape)`: images of 0 .. 1, or what `data.as_is` left.
    """
    if spec.modality == "image":
        return float(min(inputs.min(), 0)), float(max(inputs.max(), 1))
    far = SPREAD if spec.preprocess else float(np.abs(inputs).max(initial=1e-6))
    return -far, far


def picture(
    inputs: np.ndarray, spec: TaskSpec, ends: tuple[float, float]
) -> np.ndarray:
    """Model inputs of images, audio or tables as images of 0 .. 1.

    Args:
        inputs: `(n, *spec.shape)`.
        ends: see `span`.

    Returns:
        `(n, height, width, channels)`.
    """
    low, high = ends
    if spec.modality == "image":
        return (inputs - low) / (high - low)
    if spec.modality == "table":
        return strips(inputs, high)
    return 0.5 + inputs.transpose(0, 2, 1, 3)[:, ::-1] / (2 * high)


def strips(rows: np.ndarray, most: float) -> np.ndarray:
    """Numbers, `(n, ...)`, as `(n, 1, columns, 3)` in two colours.

    Args:
        most: the number, of either sign, that is darkest.
    """
    flat = rows.reshape(len(rows), 1, -1)
    return colormaps[SIGNED](0.5 + flat / (2 * most))[..., :3]


def show_image(axis, image: np.ndarray) -> None:
    """One image, `(height, width, channels)`, of 0 .. 1; one channel is grey."""
    shown = np.clip(image, 0, 1)
    colour = shown.shape[-1] == 3
    axis.imshow(
        shown if colour else shown[..., 0],
        cmap="gray_r",
        vmin=0,
        vmax=1,
        aspect="equal" if min(shown.shape[:2]) > 1 else "auto",
    )


def words_of(numbers: np.ndarray, words: tuple[str, ...]) -> str:
    """A text from its word numbers, padding left out."""
    return " ".join(words[number] for number in numbers if number)[:LETTERS]


def vocabulary(data: Data) -> tuple[str, ...]:
    """The words of a data set of texts."""
    return next(step.words for step in data.steps() if isinstance(step, Vocabulary))


def _row(axes, images: np.ndarray) -> None:
    for axis in axes:
        axis.set_axis_off()
    for axis, image in zip(axes, images):
        show_image(axis, image)


def _draw_texts(
    path: Path, classes: Sequence[str], shown: Sequence[np.ndarray], words: tuple
) -> None:
    lines = [
        f"{name}:  {words_of(text, words)}"
        for name, texts in zip(classes, shown)
        for text in texts
    ]
    draw_lines(path, lines)


def draw_lines(path: Path, lines: list[str]) -> None:
    """Lines of text as a picture; letters that the font lacks become `?`."""
    figure = Figure(figsize=(9, 0.22 * len(lines) + 0.2))
    for at, line in enumerate(lines):
        plain = line.encode("latin-1", "replace").decode("latin-1")
        height = 1 - (at + 0.7) / (len(lines) + 0.5)
        figure.text(0.01, height, plain, fontsize=8, parse_math=False)
    figure.savefig(path, dpi=80)
