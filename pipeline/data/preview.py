"""preview.png: some examples per class, or from the smallest number to the largest.

Images are shown unchanged, audio as spectrograms (time to the right, low frequencies
below), tables as strips of their standardized values (below the mean blue, above it
red), texts in words.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pipeline.data.artifact import Data
from pipeline.data.features import Vocabulary, find_step
from pipeline.data.spec import TaskSpec
from pipeline.data.stored import stored_rows
from pipeline.tasks.overlay import overlay_of
from pipeline.tasks.pair_tokens import PairTokens
from pipeline.tasks.ranking_rows import RankingRows
from pipeline.tasks.registry import task_of
from pipeline.tasks.text_tokens import Tokens

COLUMNS = 8
WINDOWS = 4  # of series
MAX_LETTERS = 110  # of a text
TextReader = Callable[[np.ndarray], str]  # token numbers -> a line of text
COLOR_RANGE = 2.5  # standard deviations from white to the darkest colour
SIGNED = "RdBu_r"  # white in the middle


def draw(path: Path, data: Data, rows: int = 10) -> None:
    """Draw one row of training examples per class, or per range of numbers.

    Images with dense targets are drawn in rows, above the same images with targets.

    Args:
        path: of the PNG file.
        data: the published data.
        rows: maximum number of rows.
    """
    if task_of(data.spec).dense:
        _draw_maps(path, data, rows)
        return
    if data.spec.modality == "series":
        _draw_series(path, data)
        return
    if task_of(data.spec).ranks:
        draw_lines(path, _ranked(data, rows))
        return
    stored, y = stored_rows(data.folder, "train"), np.load(data.folder / "train_y.npy")
    if task_of(data.spec).interactive:
        groups = [("states", np.arange(len(y)))]
    elif "deviation" in data.spec.target:
        groups = _by_number(y, rows, data.spec)
    else:
        groups = _by_class(y, data)
    titles = [title for title, _ in groups[:rows]]
    examples = [stored[positions[:COLUMNS]] for _, positions in groups[:rows]]
    if data.spec.modality == "text":
        _draw_texts(path, titles, examples, text_reader(data))
    else:
        _draw_pictures(path, titles, examples, data.spec)


def _ranked(data: Data, rows: int) -> list[str]:
    """Return lines of training examples at equal distances, with their targets."""
    step = find_step(data.steps(), RankingRows)
    assert step is not None
    train = data.train()
    positions = np.unique(np.linspace(0, len(train) - 1, COLUMNS * rows).astype(int))
    return [
        f"{step.describe(train.x[k])[:MAX_LETTERS]}  ->  {step.items[train.y[k, 0]]}"
        for k in positions
    ]


def _draw_maps(path: Path, data: Data, rows: int) -> None:
    """Draw rows of images, each above a row of the same images with their targets."""
    overlay, spec = overlay_of(data.spec), data.spec
    assert overlay is not None
    train = data.train()
    positions = np.arange(min(rows // 2 * COLUMNS, len(train)))
    stored, y = train.x[positions], train.y[positions]
    inputs = spec.to_input(np.asarray(stored))
    images = picture(inputs, spec, span(inputs, spec))
    pairs = [images, overlay(images, y)]
    count = -(-len(positions) // COLUMNS)
    figure = Figure(figsize=(COLUMNS * 0.8, count * 1.6), layout="constrained")
    grid = figure.subplots(2 * count, COLUMNS, squeeze=False)
    for number, axes in enumerate(grid):
        begin = number // 2 * COLUMNS
        _row(axes, pairs[number % 2][begin : begin + COLUMNS])
    figure.savefig(path, dpi=80)


def _draw_series(path: Path, data: Data) -> None:
    """Draw windows at equal distances, a line per column in standard deviations."""
    x = stored_rows(data.folder, "train")
    positions = np.unique(np.linspace(0, len(x) - 1, WINDOWS).astype(int))
    figure = Figure(figsize=(9, 1.2 * len(positions)))
    grid = figure.subplots(len(positions), 1, squeeze=False)[:, 0]
    for axes, window in zip(grid, data.spec.to_input(x[positions])):
        axes.plot(window, linewidth=0.8)
        axes.set_axis_off()
    grid[0].legend(data.spec.inputs, fontsize=6, loc="upper left")
    figure.savefig(path, dpi=80)


def _draw_pictures(
    path: Path, titles: list[str], examples: list[np.ndarray], spec: TaskSpec
) -> None:
    color_range = span(spec.to_input(np.concatenate(examples)), spec)
    figure = Figure(figsize=(COLUMNS * 0.8, len(titles) * 0.8), layout="constrained")
    grid = figure.subplots(len(titles), COLUMNS, squeeze=False)
    for title, axes, row in zip(titles, grid, examples):
        axes[0].set_title(title, loc="left", fontsize=8, parse_math=False)
        _row(axes, picture(spec.to_input(row), spec, color_range))
    figure.savefig(path, dpi=80)


Group = tuple[str, np.ndarray]  # a title, and positions in the training split


def _by_class(y: np.ndarray, data: Data) -> list[Group]:
    """Group by class; classes without training examples are left out."""
    if not data.spec.classes:
        pairs = task_of(data.spec).labels == "pairs"
        return [("pair" if pairs else "without labels", np.arange(len(y)))]
    groups = [
        (name, np.flatnonzero(y == k)) for k, name in enumerate(data.spec.classes)
    ]
    return [group for group in groups if len(group[1])]


def _by_number(y: np.ndarray, rows: int, spec: TaskSpec) -> list[Group]:
    """Divide the examples into equal parts by the number to predict."""
    parts = np.array_split(np.argsort(y, kind="stable"), rows)
    numbers = y * spec.target["deviation"] + spec.target["mean"]
    return [
        (f"{spec.target['name']} from {numbers[part[0]]:.4g}", part)
        for part in parts
        if len(part)
    ]


def span(inputs: np.ndarray, spec: TaskSpec) -> tuple[float, float]:
    """Return the numbers at the two ends of the colour scale.

    Args:
        inputs: model inputs, `(n, *spec.shape)`; images are in 0 .. 1 unless
            `data.preprocessing` is `none`.
        spec: the signature.
    """
    if spec.modality == "image":
        return float(min(inputs.min(), 0)), float(max(inputs.max(), 1))
    limit = COLOR_RANGE if spec.preprocess else float(np.abs(inputs).max(initial=1e-6))
    return -limit, limit


def picture(
    inputs: np.ndarray, spec: TaskSpec, color_range: tuple[float, float]
) -> np.ndarray:
    """Turn model inputs of images, audio, tables or series into images in 0 .. 1.

    Args:
        inputs: `(n, *spec.shape)`.
        spec: the signature.
        color_range: see `span`.

    Returns:
        `(n, height, width, channels)`.
    """
    low, high = color_range
    if spec.modality == "image":
        return (inputs - low) / (high - low)
    if spec.modality in ("table", "series"):
        return strips(inputs, high)
    return 0.5 + inputs.transpose(0, 2, 1, 3)[:, ::-1] / (2 * high)


def strips(rows: np.ndarray, limit: float) -> np.ndarray:
    """Turn numbers, `(n, ...)`, into strips of two colours, `(n, 1, columns, 3)`.

    Args:
        rows: the numbers.
        limit: absolute value of the darkest number.
    """
    flat = rows.reshape(len(rows), 1, -1)
    return colormaps[SIGNED](0.5 + flat / (2 * limit))[..., :3]


def show_image(axis: Axes, image: np.ndarray) -> None:
    """Show one image.

    Args:
        axis: of Matplotlib.
        image: `(height, width, channels)` in 0 .. 1; one channel is grey.
    """
    clipped = np.clip(image, 0, 1)
    colored = clipped.shape[-1] == 3
    axis.imshow(
        clipped if colored else clipped[..., 0],
        cmap="gray_r",
        vmin=0,
        vmax=1,
        aspect="equal" if min(clipped.shape[:2]) > 1 else "auto",
    )


def words_of(numbers: np.ndarray, words: tuple[str, ...]) -> str:
    """Return a text from its word numbers, without padding.

    Args:
        numbers: word numbers, `(length,)`.
        words: the vocabulary.
    """
    return " ".join(words[int(number)] for number in numbers if number)[:MAX_LETTERS]


def text_reader(data: Data) -> TextReader:
    """Return a function from token numbers to a text of one line.

    Where the words are unknown, numbers stand for them.
    """
    tokens = find_step(data.steps(), Tokens)
    if tokens is not None:
        return lambda numbers: " ".join(tokens.decode(numbers).split())[:MAX_LETTERS]
    pairs = find_step(data.steps(), PairTokens)
    if pairs is not None:
        return lambda numbers: pairs.line(numbers)[:MAX_LETTERS]
    ranking = find_step(data.steps(), RankingRows)
    if ranking is not None:
        return lambda numbers: ranking.describe(numbers)[:MAX_LETTERS]
    step = find_step(data.steps(), Vocabulary)
    words = step.words if step else tuple(map(str, range(data.spec.vocabulary)))
    return lambda numbers: words_of(numbers, words)


def _row(axes: Sequence[Axes], images: np.ndarray) -> None:
    for axis in axes:
        axis.set_axis_off()
    for axis, image in zip(axes, images):
        show_image(axis, image)


def _draw_texts(
    path: Path,
    titles: Sequence[str],
    examples: Sequence[np.ndarray],
    read: TextReader,
) -> None:
    lines = [
        f"{title}:  {read(text)}"
        for title, texts in zip(titles, examples)
        for text in texts
    ]
    draw_lines(path, lines)


def draw_lines(path: Path, lines: list[str]) -> None:
    """Draw lines of text; letters that the font lacks become `?`.

    Args:
        path: of the PNG file.
        lines: from top to bottom.
    """
    figure = Figure(figsize=(9, 0.22 * len(lines) + 0.2))
    for number, line in enumerate(lines):
        printable = line.encode("latin-1", "replace").decode("latin-1")
        height = 1 - (number + 0.7) / (len(lines) + 0.5)
        figure.text(0.01, height, printable, fontsize=8, parse_math=False)
    figure.savefig(path, dpi=80)
