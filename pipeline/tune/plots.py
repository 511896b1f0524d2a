"""Pictures of a search: its front, its history, its trials, what decided.

trials.png      score against int8 bytes, and the front
history.png     the score of each trial, and the best so far
parallel.png    the searched values of each trial, coloured by its score
importance.png  how much each hyperparameter decided
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from pipeline.tune.importance import column

Row = Mapping[str, Any]
BLUE, ORANGE, GREY = "#2a5d9f", "#d2691e", "0.65"
COLOURS = "viridis"
WORDS = 12  # letters of a text on an axis


def draw_front(
    path: Path, rows: Sequence[Row], front: Sequence[Row], best: int, what: str
) -> None:
    """Score against size: a point a trial, the front as a line.

    Args:
        what: the name of the score, here and in the other pictures.
    """
    figure, axis = _figure(5.6, 3.4)
    kinds = (("ok", BLUE, "trained"), ("stopped", GREY, "stopped early"))
    for status, colour, label in kinds:
        some = [row for row in rows if row["status"] == status]
        if some:
            axis.scatter(*_points(some), s=22, color=colour, label=label)
    if front:
        axis.plot(*_points(front), color=BLUE, lw=1, drawstyle="steps-post", zorder=0)
    chosen = [row for row in rows if row["trial"] == best]
    axis.scatter(*_points(chosen), s=90, fc="none", ec=ORANGE, lw=2, label="chosen")
    axis.set(
        xlabel="int8 file, kB (estimate)", ylabel=f"validation {what}", title="trials"
    )
    axis.legend(frameon=False, fontsize=8)
    figure.savefig(path, dpi=100)


def draw_history(
    path: Path, rows: Sequence[Row], what: str, higher_is_better: bool = True
) -> None:
    """The score of each trial in order, and the best so far as a step."""
    figure, axis = _figure(5.6, 3.4)
    numbers = [row["trial"] for row in rows]
    scores = [row["score"] for row in rows]
    axis.scatter(numbers, scores, s=22, color=BLUE, label="trial")
    axis.step(
        numbers,
        list(accumulate(scores, max if higher_is_better else min)),
        where="post",
        color=ORANGE,
        label="best so far",
    )
    axis.set(xlabel="trial", ylabel=f"validation {what}", title="history")
    axis.xaxis.get_major_locator().set_params(integer=True)
    axis.legend(frameon=False, fontsize=8)
    figure.savefig(path, dpi=100)


def draw_parallel(
    path: Path, rows: Sequence[Row], names: Sequence[str], what: str
) -> None:
    """Parallel coordinates: an axis a hyperparameter, a line a trial (Inselberg)."""
    figure, axis = _figure(max(5.6, 1.3 * len(names) + 2), 3.8)
    values = [row["values"] for row in rows]
    scores = [row["score"] for row in rows]
    scale = Normalize(min(scores), max(max(scores), min(scores) + 1e-9))
    lines = np.array([_unit(column(values, name), name) for name in names]).T
    for at in np.argsort(scores, kind="stable"):
        colour = colormaps[COLOURS](scale(scores[at]))
        axis.plot(range(len(names)), lines[at], color=colour, alpha=0.8, lw=1.4)
    for at, name in enumerate(names):
        axis.axvline(at, color="0.8", lw=0.8, zorder=0)
        _ends(axis, at, [one.get(name) for one in values])
    axis.set(ylim=(-0.12, 1.12), yticks=[], title="values of each trial")
    axis.set_xticks(range(len(names)), [name.replace("_", "\n") for name in names])
    axis.spines[:].set_visible(False)
    bar = figure.colorbar(ScalarMappable(scale, COLOURS), ax=axis)
    bar.set_label(f"validation {what}")
    figure.savefig(path, dpi=100)


def draw_importance(path: Path, parts: Mapping[str, float]) -> None:
    """A bar a hyperparameter, the most decisive one on top."""
    figure, axis = _figure(5.6, 0.9 + 0.32 * len(parts))
    names = list(reversed(parts))
    axis.barh(names, [parts[name] for name in names], color=BLUE)
    axis.set(xlabel="part of the explained variance", title="what decided the score")
    figure.savefig(path, dpi=100)


def _figure(width: float, height: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(width, height), layout="constrained")
    axis = figure.subplots()
    axis.spines[["top", "right"]].set_visible(False)
    return figure, axis


def _points(rows: Sequence[Row]) -> tuple[list[float], list[float]]:
    return [row["bytes_int8"] / 1000 for row in rows], [row["score"] for row in rows]


def _unit(numbers: list[float], name: str) -> np.ndarray:
    """From 0 to 1; rates, which are searched over powers, by their logarithm."""
    given = np.array(numbers)
    given = np.log(given) if name == "learning_rate" and given.min() > 0 else given
    return (given - given.min()) / ((given.max() - given.min()) or 1.0)


def _ends(axis: Axes, at: int, values: list[Any]) -> None:
    """The lowest value below the axis, the highest above."""
    kept = sorted(one for one in values if one is not None)
    for value, height, where in ((kept[0], -0.03, "top"), (kept[-1], 1.03, "bottom")):
        text = value[:WORDS] if isinstance(value, str) else f"{value:.3g}"
        axis.text(at, height, text, ha="center", va=where, fontsize=8, color="0.3")
