"""Figures of a search: Pareto front, history, values of the trials, importance.

trials.png      score against int8 bytes, and the Pareto front
history.png     score of each trial, and the best so far
parallel.png    searched values of each trial, colored by its score
importance.png  importance of each hyperparameter
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

from pipeline.tune.artifact import TrialRow
from pipeline.tune.importance import numeric_column
from pipeline.tune.pareto import Point

BLUE, ORANGE, GREY = "#2a5d9f", "#d2691e", "0.65"
COLOURS = "viridis"
MAX_LETTERS = 12  # of a text on an axis
STATUSES = (("ok", BLUE, "trained"), ("stopped", GREY, "stopped early"))


def draw_front(
    path: Path, rows: Sequence[TrialRow], front: Sequence[Point], best: int, metric: str
) -> None:
    """Draw score against size: one point per trial, the Pareto front as a line.

    Args:
        path: file of the figure.
        rows: trained trials.
        front: the Pareto front.
        best: number of the chosen trial.
        metric: name of the score.
    """
    figure, axis = _figure(5.6, 3.4)
    for status, colour, label in STATUSES:
        points = [row.point for row in rows if row.status == status]
        if points:
            axis.scatter(*_coordinates(points), s=22, color=colour, label=label)
    if front:
        x, y = _coordinates(front)
        axis.plot(x, y, color=BLUE, lw=1, drawstyle="steps-post", zorder=0)
    chosen = [row.point for row in rows if row.trial == best]
    x, y = _coordinates(chosen)
    axis.scatter(x, y, s=90, fc="none", ec=ORANGE, lw=2, label="chosen")
    axis.set(
        xlabel="int8 file, kB (estimate)", ylabel=f"validation {metric}", title="trials"
    )
    axis.legend(frameon=False, fontsize=8)
    figure.savefig(path, dpi=100)


def draw_history(
    path: Path, rows: Sequence[TrialRow], metric: str, higher_is_better: bool = True
) -> None:
    """Draw the score of each trial in order, and the best so far as steps.

    Args:
        path: file of the figure.
        rows: trained trials.
        metric: name of the score.
        higher_is_better: direction of the score; default True.
    """
    figure, axis = _figure(5.6, 3.4)
    points = [row.point for row in rows]
    numbers, scores = [p.trial for p in points], [p.score for p in points]
    axis.scatter(numbers, scores, s=22, color=BLUE, label="trial")
    axis.step(
        numbers,
        list(accumulate(scores, max if higher_is_better else min)),
        where="post",
        color=ORANGE,
        label="best so far",
    )
    axis.set(xlabel="trial", ylabel=f"validation {metric}", title="history")
    axis.locator_params(axis="x", integer=True)
    axis.legend(frameon=False, fontsize=8)
    figure.savefig(path, dpi=100)


def draw_parallel(
    path: Path, rows: Sequence[TrialRow], names: Sequence[str], metric: str
) -> None:
    """Draw parallel coordinates: one axis per hyperparameter, one line per trial.

    Inselberg, The Plane with Parallel Coordinates, 1985.

    Args:
        path: file of the figure.
        rows: trained trials.
        names: searched hyperparameters.
        metric: name of the score, which colors the lines.
    """
    figure, axis = _figure(max(5.6, 1.3 * len(names) + 2), 3.8)
    values = [row.values for row in rows]
    scores = [row.point.score for row in rows]
    scale = Normalize(min(scores), max(max(scores), min(scores) + 1e-9))
    columns = [_rescale(numeric_column(values, name), name) for name in names]
    lines = np.array(columns).T
    for n in np.argsort(scores, kind="stable"):
        colour = colormaps[COLOURS](scale(scores[n]))
        axis.plot(range(len(names)), lines[n], color=colour, alpha=0.8, lw=1.4)
    for n, name in enumerate(names):
        axis.axvline(n, color="0.8", lw=0.8, zorder=0)
        _label_ends(axis, n, [trial.get(name) for trial in values])
    axis.set(ylim=(-0.12, 1.12), yticks=[], title="values of each trial")
    axis.set_xticks(range(len(names)), [name.replace("_", "\n") for name in names])
    axis.spines[:].set_visible(False)
    bar = figure.colorbar(ScalarMappable(scale, COLOURS), ax=axis)
    bar.set_label(f"validation {metric}")
    figure.savefig(path, dpi=100)


def draw_importance(path: Path, fractions: Mapping[str, float]) -> None:
    """Draw one bar per hyperparameter, the most important one on top.

    Args:
        path: file of the figure.
        fractions: name -> fraction of the explained variance, largest first.
    """
    figure, axis = _figure(5.6, 0.9 + 0.32 * len(fractions))
    names = list(fractions)[::-1]
    axis.barh(names, [fractions[name] for name in names], color=BLUE)
    axis.set(xlabel="fraction of the explained variance", title="importance")
    figure.savefig(path, dpi=100)


def _figure(width: float, height: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(width, height), layout="constrained")
    axis = figure.subplots()
    axis.spines[["top", "right"]].set_visible(False)
    return figure, axis


def _coordinates(points: Sequence[Point]) -> tuple[list[float], list[float]]:
    return [point.size / 1000 for point in points], [point.score for point in points]


def _rescale(numbers: list[float], name: str) -> np.ndarray:
    """Map numbers to 0 .. 1; learning rates logarithmically, as they are searched."""
    column = np.array(numbers)
    logarithmic = name == "learning_rate" and column.min() > 0
    column = np.log(column) if logarithmic else column
    return (column - column.min()) / ((column.max() - column.min()) or 1.0)


def _label_ends(axis: Axes, position: int, values: list[Any]) -> None:
    """Write the lowest value below an axis, and the highest above."""
    active = sorted(value for value in values if value is not None)
    ends = ((active[0], -0.03, "top"), (active[-1], 1.03, "bottom"))
    for value, height, side in ends:
        text = value[:MAX_LETTERS] if isinstance(value, str) else f"{value:.3g}"
        style: dict[str, Any] = {"ha": "center", "va": side, "fontsize": 8}
        axis.text(position, height, text, color="0.3", **style)
