"""embedding.json, distances.png and neighbors.png: pairs, and who is nearest to whom.

A row of neighbors.png is a query, its nearest example by the float baseline, and by the
chosen file; the worst queries first, then those whose neighbor compression changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pipeline.core.json_io import write_json
from pipeline.tasks.embedding.distances import EDGES
from pipeline.tasks.evaluation import Context

WORST, CHANGED = 6, 6  # rows of the picture
MAX_NAME = 14  # characters
WIDER = 10  # bins of a histogram in one bar
SHOWN = 0.001  # of the pairs: the fewest of the last bar that is drawn
OWN, OTHER = "#4477aa", "#ee7733"  # distinct for color-blind readers
COLUMNS = ("query", "nearest, float baseline", "nearest, chosen file")
# Position in `Queries.counts` -> name in embedding.json.
KINDS = ("different_classes", "same_class")


@dataclass(frozen=True)
class Queries:
    """What the vectors of one file decide for each query.

    Args:
        chances: to be recognized from one enrolled example per class, `(n,)`.
        hits: 1 where the nearest other example is of the query's class, `(n,)`.
        nearest: position of that example, `(n,)`.
        counts: of distances, `(n, 2, BINS)`.
    """

    chances: np.ndarray
    hits: np.ndarray
    nearest: np.ndarray
    counts: np.ndarray

    @property
    def histograms(self) -> np.ndarray:
        """Fractions of pairs per bar: of two classes, and of one, `(2, bars)`."""
        total = self.counts.sum(axis=0, dtype=np.float64)
        bars = total.reshape(2, -1, WIDER).sum(axis=-1)
        return bars / np.maximum(bars.sum(axis=1, keepdims=True), 1)


def write(
    out: Path, context: Context, before: Queries, after: Queries, limit: float | None
) -> None:
    """Write all files.

    Args:
        out: folder of the files.
        context: the test split.
        before: queries of the float baseline.
        after: queries of the chosen file.
        limit: threshold of the chosen file; None for none.
    """
    rows, spec = _choose(before, after), context.data.spec
    document = {
        "neighbors_changed": int((before.nearest != after.nearest).sum()),
        "became_wrong": int(((before.hits == 1) & (after.hits == 0)).sum()),
        "became_right": int(((before.hits == 0) & (after.hits == 1)).sum()),
        "examples": [_example(n, why, context, before, after) for why, n in rows],
        "distances": {"edges": EDGES[::WIDER].tolist(), **_bars(before, after)},
    }
    write_json(out / "embedding.json", document)
    _draw_distances(out / "distances.png", before, after, limit)
    if spec.modality in ("image", "audio") and len(spec.shape) == 3:
        positions = [n for _, n in rows]
        _draw_neighbors(out / "neighbors.png", context, before, after, positions)


def _example(
    query: int, reason: str, context: Context, before: Queries, after: Queries
) -> dict[str, Any]:
    y, classes = context.test.y, context.data.spec.classes
    chance = float(after.chances[query])
    return {
        "position": query,
        "reason": reason,
        "class": classes[y[query]],
        "recall_at_1": chance if np.isfinite(chance) else None,
        "nearest_before": classes[y[before.nearest[query]]],
        "nearest_after": classes[y[after.nearest[query]]],
    }


def _choose(before: Queries, after: Queries) -> list[tuple[str, int]]:
    chances = np.where(np.isfinite(after.chances), after.chances, np.inf)
    worst = np.argsort(chances, kind="stable")[:WORST]
    moved = np.flatnonzero(before.nearest != after.nearest)
    lost = after.chances[moved] - before.chances[moved]
    moved = moved[np.argsort(np.nan_to_num(lost), kind="stable")]
    changed = moved[~np.isin(moved, worst)][:CHANGED]
    rows = [("worst", int(n)) for n in worst]
    return rows + [("changed", int(n)) for n in changed]


def _bars(before: Queries, after: Queries) -> dict[str, dict[str, list[float]]]:
    return {
        name: dict(zip(KINDS, queries.histograms.round(6).tolist()))
        for name, queries in (("baseline", before), ("chosen", after))
    }


def _draw_distances(
    path: Path, before: Queries, after: Queries, limit: float | None
) -> None:
    figure = Figure(figsize=(8, 3), layout="constrained")
    axes = figure.subplots(1, 2, sharey=True)
    titles = ("float baseline", "chosen file")
    for axis, queries, title in zip(axes, (before, after), titles):
        names, colors = ("two classes", "one class"), (OTHER, OWN)
        for fractions, name, color in zip(queries.histograms, names, colors):
            axis.stairs(fractions, EDGES[::WIDER], fill=True, alpha=0.6, color=color)
            axis.stairs(
                fractions, EDGES[::WIDER], color=color, label=f"pairs of {name}"
            )
        axis.set(xlabel="distance", title=title)
        axis.spines[["top", "right"]].set_visible(False)
    if limit is not None:
        axes[1].axvline(limit, color="0.4", linestyle=":", label="threshold")
    filled = (before.histograms + after.histograms).sum(axis=0) > SHOWN
    last = WIDER * (1 + int(np.flatnonzero(filled).max(initial=0)))
    axes[0].set(ylabel="fraction of pairs", xlim=(0, EDGES[last]))
    axes[1].set_xlim(0, EDGES[last])
    axes[1].legend(frameon=False)
    figure.savefig(path, dpi=100)


def _draw_neighbors(
    path: Path,
    context: Context,
    before: Queries,
    after: Queries,
    positions: Sequence[int],
) -> None:
    x, y, classes = context.test.x, context.test.y, context.data.spec.classes
    figure = Figure(figsize=(4.8, 1.5 * len(positions) + 0.4), layout="constrained")
    grid = figure.subplots(len(positions), len(COLUMNS), squeeze=False)
    for axes, query in zip(grid, positions):
        shown = (query, before.nearest[query], after.nearest[query])
        for axis, position in zip(axes, shown):
            _tile(axis, np.asarray(x[position]), context.data.spec.modality)
            color = OWN if y[position] == y[query] else OTHER
            mark = "" if y[position] == y[query] else " (wrong)"
            name = _short(classes[y[position]]) + mark
            axis.set_title(name, fontsize=8, color=color, parse_math=False)
            axis.spines[:].set(color=color, linewidth=2)
    for axis, name in zip(grid[-1], COLUMNS):
        axis.set_xlabel(name, fontsize=8)
    figure.savefig(path, dpi=80)


def _tile(axis: Axes, example: np.ndarray, modality: str) -> None:
    values = np.asarray(example, np.float32)
    if values.shape[-1] not in (1, 3):
        values = values.mean(axis=-1, keepdims=True)
    low, high = float(values.min()), float(values.max())
    if example.dtype == np.uint8 and high > 16:
        low, high = 0.0, 255.0
    values = (values - low) / max(high - low, 1e-6)
    if modality == "audio":  # time from left to right, low frequencies at the bottom
        values = values.transpose(1, 0, 2)[::-1]
    options: dict[str, Any] = {"aspect": "auto" if modality == "audio" else "equal"}
    if values.shape[-1] == 1:
        values, options = values[..., 0], {**options, "cmap": "gray"}
    axis.imshow(values, vmin=0, vmax=1, **options)
    axis.set(xticks=[], yticks=[])


def _short(name: str) -> str:
    return name if len(name) <= MAX_NAME else name[: MAX_NAME - 1] + "…"
