"""pareto.png: the metric against the size of the file, one point per variant.

In: the document of pareto.json. Out: a PNG whose bytes depend on the document only.
Accuracy is drawn in percent, any other metric in its own unit.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from pipeline.metrics.metric import Metric
from pipeline.tasks.registry import of_document

COLORS = {"baseline": "#1f5fa8", "student": "#d1662c"}
CHOSEN, MUTED = "#137a4c", "#8a8a8a"
LOWEST = 0.1  # of the metric: points further below the budget sit on the lower edge
WIDE, HIGH = 0.35, 0.05  # room of a label, as fractions of the axes
PlotPoint = Mapping[str, Any]  # a row of pareto.json, later with its place


def draw(path: Path, pareto: Mapping[str, Any], title: str) -> None:
    """Draw the plot of a pareto.json document.

    Args:
        path: PNG file to write.
        pareto: `budget`, `size_metric`, `baseline`, `chosen` and `points`, and `task`
            unless it is classification.
        title: name of the data.
    """
    points = [point for point in pareto["points"] if point["status"] == "ok"]
    baseline = next(point for point in points if point["id"] == pareto["baseline"])
    score, size = of_document(pareto).metric, f"bytes_{pareto['size_metric']}"
    merits = [score.merit(point[score.key]) for point in points]
    minimum = score.merit(baseline[score.key]) - pareto["budget"]["max_drop"]
    floor = min(max(min(merits), minimum - _lowest(merits, score)), minimum)
    placed = [_place(point, size, floor, score) for point in points]
    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axes = figure.add_subplot()
    _dress(axes, placed, minimum, floor, score)
    axes.set_title(
        f"{title}: {score.name} and size of every variant", loc="left", fontsize=11
    )
    axes.set_xlabel(f"size of the file, kB {pareto['size_metric']}")
    _draw_largest(axes, pareto["budget"]["max_bytes"])
    _draw_frontier(axes, placed)
    _draw_points(axes, placed)
    _draw_marks(axes, placed, pareto)
    _note(axes, pareto)
    figure.savefig(path, dpi=120, metadata={"Software": None})


def _place(point: PlotPoint, size: str, floor: float, score: Metric) -> dict[str, Any]:
    """A point with its place: kB, and the metric, higher is better."""
    merit = score.merit(point[score.key])
    return {
        **point,
        "x": point[size] / 1000,
        "y": score.scale * max(merit, floor),
        "below": merit < floor,
    }


def _lowest(merits: Sequence[float], score: Metric) -> float:
    """How far below the budget points are drawn; all for a metric without bounds."""
    bounded = score.highest == 1.0
    return LOWEST if bounded else max(merits) - min(merits)


def _dress(
    axes: Axes, points: Sequence[PlotPoint], minimum: float, floor: float, score: Metric
) -> None:
    """Draw axes, grid, and the band of values that the budget allows."""
    top, whole = max(point["y"] for point in points), score.scale
    margin = 0.12 * (top - whole * floor) + 0.002 * whole
    best = whole * (score.highest if score.sign > 0 else -score.lowest)
    low, high = whole * floor - margin, min(top + 1.6 * margin, best + margin)
    axes.set_ylim(low, high)
    axes.axhspan(whole * minimum, high, color=CHOSEN, alpha=0.06, linewidth=0)
    axes.axhline(whole * minimum, color=CHOSEN, linewidth=0.9, linestyle=(0, (4, 3)))
    percent = " %" if whole > 1 else ""
    axes.annotate(
        f"budget: at {'least' if score.sign > 0 else 'most'} "
        f"{score.bare(score.merit(minimum))}{percent}",
        (1, whole * minimum),
        (-6, -5),
        xycoords=("axes fraction", "data"),
        textcoords="offset points",
        ha="right",
        va="top",
        fontsize=8,
        color=CHOSEN,
    )
    _draw_sizes(axes, points)
    axes.set_ylabel(f"validation {score.name}{percent and ', %'}")
    if score.sign < 0:  # upwards is better
        axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{-y:g}"))
    axes.grid(color="0.92", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def _draw_sizes(axes: Axes, points: Sequence[PlotPoint]) -> None:
    """Make the size axis logarithmic, with plain numbers."""
    axes.set_xscale("log")
    left, right = min(p["x"] for p in points), max(p["x"] for p in points)
    axes.set_xlim(left / 1.45, right * 1.45)
    axes.xaxis.set_major_locator(LogLocator(10, subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())


def _draw_largest(axes: Axes, max_bytes: int | None) -> None:
    """Draw a line at the maximum size, where it is inside the axes."""
    left, right = axes.get_xlim()
    if not max_bytes or not left < max_bytes / 1000 < right:
        return
    axes.axvline(max_bytes / 1000, color=CHOSEN, linewidth=0.9, linestyle=(0, (4, 3)))
    axes.annotate(
        f"budget: at most {max_bytes / 1000:.1f} kB",
        (max_bytes / 1000, 0.98),
        (4, 0),
        xycoords=("data", "axes fraction"),
        textcoords="offset points",
        va="top",
        fontsize=8,
        color=CHOSEN,
    )


def _draw_frontier(axes: Axes, points: Sequence[PlotPoint]) -> None:
    """Draw the steps between the points that no other point dominates."""
    best = sorted((p["x"], p["y"]) for p in points if not p["dominated"])
    axes.step(*zip(*best), where="post", color="0.55", linewidth=1.1, zorder=2)


def _draw_points(axes: Axes, points: Sequence[PlotPoint]) -> None:
    """Draw one colour per source; dominated points are pale."""
    for source, color in COLORS.items():
        own = [point for point in points if point["source"] == source]
        for point in own:
            axes.plot(
                point["x"],
                point["y"],
                "v" if point["below"] else "o",
                color=color,
                alpha=0.3 if point["dominated"] else 1.0,
                markersize=7,
                markeredgecolor="white",
                zorder=3,
            )
        if own:
            axes.plot([], [], "o", color=color, label=source)
    axes.plot([], [], "o", color=MUTED, alpha=0.4, label="pale: dominated")
    axes.legend(frameon=False, loc="center right", fontsize=8)


def _draw_marks(
    axes: Axes, points: Sequence[PlotPoint], pareto: Mapping[str, Any]
) -> None:
    """Label the chosen point, the baseline, and others where there is room."""
    order = (pareto["chosen"], pareto["baseline"])
    marked = sorted(points, key=lambda p: (p["id"] not in order, p["x"]))
    named: list[PlotPoint] = []
    for point in marked:
        if point["id"] == pareto["chosen"]:
            _ring(axes, point, CHOSEN)
            _name(axes, point, f"chosen: {_title(point)}", CHOSEN, "bold")
        elif point["id"] == pareto["baseline"]:
            _ring(axes, point, "0.35")
            _name(axes, point, "float baseline", "0.35", "bold")
        elif not point["dominated"] and _room(axes, point, named):
            _name(axes, point, _title(point), "0.35", "normal")
        else:
            continue
        named.append(point)


def _room(axes: Axes, point: PlotPoint, named: Sequence[PlotPoint]) -> bool:
    """Check that no label is where the point's would be."""
    (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
    return not any(
        abs(math.log(point["x"] / other["x"])) < WIDE * math.log(right / left)
        and abs(point["y"] - other["y"]) < HIGH * (top - bottom)
        for other in named
    )


def _title(point: PlotPoint) -> str:
    return f"{point['source']} | {point['recipe']}, {point['x']:.1f} kB"


def _ring(axes: Axes, point: PlotPoint, color: str) -> None:
    style: dict[str, Any] = {
        "markerfacecolor": "none",
        "markeredgewidth": 1.6,
        "zorder": 4,
    }
    axes.plot(
        point["x"], point["y"], "o", markersize=13, markeredgecolor=color, **style
    )


def _name(axes: Axes, point: PlotPoint, text: str, color: str, weight: str) -> None:
    """Write above the point, towards the middle when it is near a side."""
    left, right = axes.get_xlim()
    across = math.log(point["x"] / left) / math.log(right / left)
    side = "left" if across < 0.35 else "right" if across > 0.75 else "center"
    axes.annotate(
        text,
        (point["x"], point["y"]),
        ({"left": 9, "right": -9, "center": 0}[side], 9),
        textcoords="offset points",
        ha=side,
        fontsize=8,
        color=color,
        weight=weight,
        bbox={"facecolor": "white", "alpha": 0.7, "linewidth": 0, "pad": 0.8},
        zorder=5,
    )


def _note(axes: Axes, pareto: Mapping[str, Any]) -> None:
    """Count the variants that are not drawn."""
    statuses = [point["status"] for point in pareto["points"]]
    absent = [
        f"{statuses.count(status)} {status}"
        for status in ("broken", "failed", "screened")
        if status in statuses
    ]
    if absent:
        text = f"not shown: {', '.join(absent)} (reasons in pareto.json)"
        axes.text(0.01, 0.02, text, transform=axes.transAxes, fontsize=8, color=MUTED)
