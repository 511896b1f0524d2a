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
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.legend_handler import HandlerTuple
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from pipeline.compress.selection.budget import Limits, read_limits
from pipeline.compress.selection.point import Point
from pipeline.metrics.metric import Metric
from pipeline.tasks.registry import DEFAULT, of_document

COLORS = {"baseline": "#1f5fa8", "student": "#d1662c"}
CHOSEN, MUTED = "#137a4c", "#8a8a8a"
LOWEST = 0.1  # of the metric: points further below the budget sit on the lower edge
WIDE, HIGH = 0.35, 0.05  # room of a label, as fractions of the axes
LIMIT: dict[str, Any] = {"color": CHOSEN, "linewidth": 0.9, "linestyle": (0, (4, 3))}
PlotPoint = Mapping[str, Any]  # a row of pareto.json, later with its place


def draw(
    path: Path, pareto: Mapping[str, Any], title: str, limits: Limits | None = None
) -> None:
    """Draw the plot of a pareto.json document.

    Args:
        path: PNG file to write.
        pareto: `budget`, `size_metric`, `baseline`, `chosen` and `points`, and `task`
            unless it is classification.
        title: name of the data.
        limits: of the budget, with the latency; default: those of the document.
    """
    points = [point for point in pareto["points"] if point["status"] == "ok"]
    baseline = next(point for point in points if point["id"] == pareto["baseline"])
    score, size = of_document(pareto).metric, f"bytes_{pareto['size_metric']}"
    limits = limits or _limits(pareto, score)
    merits = [score.merit(point[score.key]) for point in points]
    minimum = score.merit(baseline[score.key]) - pareto["budget"]["max_drop"]
    floor = min(max(min(merits), minimum - _lowest(merits, score)), minimum)
    placed = [
        _place(point, size, floor, score) | _drop(point, limits, baseline, score)
        for point in points
    ]
    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axes = figure.add_subplot()
    _dress(axes, placed, minimum, floor, score)
    axes.set_title(
        f"{title}: validation {score.name} and size of every variant",
        loc="left",
        fontsize=11,
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


def _limits(pareto: Mapping[str, Any], score: Metric) -> Limits:
    """Limits of a document, without the latency, which it does not hold."""
    known = {"size_metric": pareto["size_metric"], "max_latency_ms": None}
    budget = {**pareto["budget"], **known}
    return read_limits(budget, score, None, pareto.get("task", DEFAULT))


def _drop(
    point: PlotPoint, limits: Limits, baseline: PlotPoint, score: Metric
) -> dict[str, Any]:
    """The interval of a point's drop, as values of the metric, and if it is over."""
    drops = point.get("drop_interval")
    merit = score.merit(baseline[score.key])
    return {
        "interval": drops and [score.scale * (merit - drop) for drop in drops],
        "over": limits.excess(Point.from_json(point)) > 0,
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
    percent = " %" if whole > 1 else ""
    limit = f"{score.bare(score.merit(minimum))}{percent}"
    drawn = "point" if score.by_estimate else "whole interval"
    label = f"budget: {drawn} at {'least' if score.sign > 0 else 'most'} {limit}"
    axes.axhline(whole * minimum, label=label, **LIMIT)
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
    label = f"budget: at most {max_bytes / 1000:.1f} kB"
    axes.axvline(max_bytes / 1000, label=label, **LIMIT)


def _draw_frontier(axes: Axes, points: Sequence[PlotPoint]) -> None:
    """Draw the steps between the points that no other point dominates."""
    best = sorted((p["x"], p["y"]) for p in points if not p["dominated"])
    axes.step(*zip(*best), where="post", color="0.55", linewidth=1.1, zorder=2)


def _draw_points(axes: Axes, points: Sequence[PlotPoint]) -> None:
    """Draw points with the interval that the budget limits.

    Each source has its colour; dominated points are pale, those whose drop is over the
    budget are hollow.
    """
    for source, color in COLORS.items():
        own = [point for point in points if point["source"] == source]
        for point in own:
            paint = to_rgba(color, 0.35 if point["dominated"] else 1.0)
            over = point["over"]
            axes.plot(
                point["x"],
                point["y"],
                "v" if point["below"] else "o",
                markersize=7,
                markerfacecolor="white" if over else paint,
                markeredgecolor=paint if over else "white",
                markeredgewidth=1.6 if over else 1.0,
                zorder=3,
            )
            if point["interval"] and not point["below"]:
                axes.vlines(point["x"], *point["interval"], color=paint, linewidth=1.3)
        if own:
            axes.plot([], [], "o", color=color, label=source)
    _draw_legend(axes, points)


def _draw_legend(axes: Axes, points: Sequence[PlotPoint]) -> None:
    """Place the keys below the axes, where they cover no point."""
    handles, labels = axes.get_legend_handles_labels()
    dot: Any = {"marker": "o", "linestyle": ""}
    pale = {COLORS[point["source"]]: None for point in points if point["dominated"]}
    if pale:
        handles.append(tuple(Line2D([], [], color=c, alpha=0.35, **dot) for c in pale))
        labels.append("dominated")
    if any(point["over"] for point in points):
        handles.append(Line2D([], [], mfc="white", mec="0.3", mew=1.6, **dot))
        labels.append("over the budget")
    style: Any = {"frameon": False, "fontsize": 8, "handletextpad": 0.4}
    pairs: Any = {tuple: HandlerTuple(ndivide=None, pad=0.2)}
    style |= {"ncols": 6, "columnspacing": 1.2, "handler_map": pairs}
    axes.figure.legend(handles, labels, loc="outside lower left", **style)


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
