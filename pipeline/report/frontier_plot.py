"""frontier.png: metric on test against size, one point per file.

In: rows of ExperimentData and the content of pareto.json. Out: a PNG file. Dominated
and chosen files, and those over the budget, were decided on validation; points are
where the test split puts them, so no band of the budget is drawn. Accuracy is drawn in
percent, any other metric as it is measured.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.legend_handler import HandlerTuple
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter
from PIL import Image

from pipeline.metrics.metric import Metric
from pipeline.report import formatting
from pipeline.report.label_placement import Labels
from pipeline.tasks.registry import of_document

COLOURS = {"baseline": "#1f5fa8", "student": "#d1662c"}
SIZES = {
    "flash": "size in flash",
    "raw": "size of the .tflite file",
    "gzip": "size of the .tflite file after gzip -9",
}
GREEN, GREY, INK = "#137a4c", "#6b6b6b", "#222222"
DPI, PALETTE = 160, 256  # sharp at 800 pixels on a dense screen; colours of the file
DEPTH = 4.0  # how many budgets below the budget's line the plot reaches
Style = dict[str, Any]
Row = dict[str, Any]


def draw(
    path: Path, rows: Sequence[Row], pareto: Mapping[str, Any], title: str
) -> None:
    """Write the plot.

    Args:
        path: PNG file to write.
        rows: rows of ExperimentData; those without a metric on test are left out.
        pareto: `budget`, `size_metric`, `baseline` and `chosen` of pareto.json, and
            `task` unless it is classification.
        title: title of the plot.
    """
    score, size = of_document(pareto).metric, f"bytes_{pareto['size_metric']}"
    points = [row for row in rows if row[score.key] is not None]
    points = [{**row, "metric": score.merit(row[score.key])} for row in points]
    baseline = next(point for point in points if point["id"] == pareto["baseline"])
    minimum = baseline["metric"] - pareto["budget"]["max_drop"]
    figure = Figure(figsize=(8, 4.6), layout="constrained")
    axes = figure.add_subplot()
    floor = _limit(axes, points, minimum, size, score.scale)
    placed = [_place(point, size, floor, score.scale) for point in points]
    _dress(axes, pareto["size_metric"], title, score)
    _draw_largest(axes, pareto["budget"]["max_bytes"])
    _draw_points(axes, placed)
    _draw_legend(axes, placed)
    _write_labels(axes, placed, pareto, score)
    _save(figure, path)


def _save(figure: Figure, path: Path) -> None:
    """Write the picture with a palette, which needs a third of the bytes."""
    buffer = io.BytesIO()
    figure.savefig(buffer, dpi=DPI)
    picture = Image.open(buffer).convert("RGB")
    picture.quantize(PALETTE, dither=Image.Dither.NONE).save(path, optimize=True)


def _limit(
    axes: Axes, points: Sequence[Row], minimum: float, size: str, scale: float
) -> float:
    """Set the limits of both axes; return the lowest metric drawn in its place."""
    best = max(point["metric"] for point in points)
    reach = DEPTH * max(best - minimum, 0.01)
    lowest = min([*(point["metric"] for point in points), minimum])
    floor = scale * max(lowest, minimum - reach)
    margin = 0.09 * (scale * best - floor)
    axes.set_ylim(floor - margin, scale * best + 2.2 * margin)
    axes.set_xscale("log")
    sizes = [point[size] / 1000 for point in points]
    axes.set_xlim(min(sizes) / 1.5, max(sizes) * 1.5)
    return floor


def _place(point: Row, size: str, floor: float, scale: float) -> Row:
    """Add the position of a point; one below the floor is drawn on the floor."""
    y = scale * point["metric"]
    return {**point, "x": point[size] / 1000, "y": max(y, floor), "below": y < floor}


def _dress(axes: Axes, size_metric: str, title: str, score: Metric) -> None:
    axes.set_title(title, loc="left", fontsize=14, color=INK, pad=31, parse_math=False)
    axes.set_xlabel(SIZES[size_metric], fontsize=12, color=INK)
    axes.set_ylabel(f"test {score.name}", fontsize=12, color=INK)
    axes.xaxis.set_major_locator(LogLocator(10, subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g} kB"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
    if score.scale > 1:
        axes.yaxis.set_major_formatter(FuncFormatter(_percent))
    if score.sign < 0:  # upwards is better
        axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{-y:g}"))
    axes.tick_params(labelsize=11, color="0.7", labelcolor=INK, which="both")
    axes.grid(color="0.93", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color("0.7")


def _percent(value: float, _: int | None) -> str:
    return f"{value:g} %" if value <= 100 + 1e-9 else ""


def _draw_largest(axes: Axes, max_bytes: int | None) -> None:
    """Draw a line at the maximum size, where it is inside the axes."""
    left, right = axes.get_xlim()
    if max_bytes and left < max_bytes / 1000 < right:
        style: Style = {"color": GREEN, "linewidth": 1.1, "linestyle": (0, (4, 3))}
        axes.axvline(max_bytes / 1000, label="maximum size", **style)


def _draw_points(axes: Axes, points: Sequence[Row]) -> None:
    """Draw the frontier as a line and all points; dominated ones are pale."""
    line = _line(points)
    x, y = [x for x, _ in line], [y for _, y in line]
    axes.plot(x, y, color="0.75", linewidth=1.3, zorder=2)
    for point in points:
        marker = "v" if point["below"] else "o"
        axes.plot(point["x"], point["y"], marker, zorder=3, **_style(point))


def _style(point: Row) -> Style:
    """Colour of the source; pale if dominated, hollow if over the budget."""
    colour = to_rgba(COLOURS[point["source"]], 0.35 if point["dominated"] else 1.0)
    over = bool(point["over_budget"])
    return {
        "markersize": 9 - over,
        "markerfacecolor": "white" if over else colour,
        "markeredgecolor": colour if over else "white",
        "markeredgewidth": 1.8 if over else 1.0,
    }


def _line(points: Sequence[Row]) -> list[tuple[float, float]]:
    """Corners of the frontier, from the smallest file to the largest."""
    return sorted((p["x"], p["y"]) for p in points if not p["dominated"])


def _draw_legend(axes: Axes, points: Sequence[Row]) -> None:
    """Draw a line of keys between the title and the axes."""
    dot: Style = {"markersize": 9, "markeredgecolor": "white", "linestyle": ""}
    sources = {point["source"] for point in points}
    for source in filter(sources.__contains__, COLOURS):
        axes.plot([], [], marker="o", color=COLOURS[source], label=source, **dot)
    colours = [c for source, c in COLOURS.items() if source in sources]
    handles, labels = axes.get_legend_handles_labels()
    if any(point["dominated"] for point in points):
        pale = [Line2D([], [], color=c, marker="o", alpha=0.35, **dot) for c in colours]
        handles, labels = [*handles, tuple(pale)], [*labels, "dominated"]
    if any(point["over_budget"] for point in points):
        hollow = {"mfc": "white", "mec": INK, "mew": 1.8, "markersize": 8}
        handles.append(Line2D([], [], marker="o", linestyle="", **hollow))
        labels.append("over budget on validation")
    if any(point["below"] for point in points):
        handles.append(Line2D([], [], color=GREY, marker="v", **dot))
        labels.append("below the axis")
    axes.legend(
        handles,
        labels,
        handler_map={tuple: HandlerTuple(ndivide=None, pad=0.2)},
        loc="lower left",
        bbox_to_anchor=(0, 1),
        borderaxespad=0.2,
        borderpad=0.2,
        handlelength=1.0,
        ncols=5,
        frameon=False,
        fontsize=11,
        labelcolor=INK,
        handletextpad=0.4,
        columnspacing=1.4,
    )


def _write_labels(
    axes: Axes, points: Sequence[Row], pareto: Mapping[str, Any], score: Metric
) -> None:
    """Label the chosen file and the baseline, then the others where there is room."""
    labels = Labels(axes, [(p["x"], p["y"]) for p in points], _line(points))
    by_name = {point["id"]: point for point in points}
    chosen, baseline = by_name.get(pareto["chosen"]), by_name[pareto["baseline"]]
    if chosen:
        _ring(axes, chosen, GREEN)
        text = f"chosen: {formatting.name(chosen)}, {_size(chosen)}"
        bold = {"color": GREEN, "weight": "bold", "fontsize": 11}
        _write(labels, chosen, text, required=True, **bold)
    if baseline is not chosen:
        _ring(axes, baseline, GREY)
        text = f"float baseline, {_size(baseline)}"
        _write(labels, baseline, text, required=True, color=INK, fontsize=11)
    for point in points:
        if point["below"]:
            percent = " %" if score.scale > 1 else ""
            text = f"{score.bare(score.merit(point['metric']))}{percent}"
            _write(labels, point, text, color=GREY, fontsize=10)
        elif not point["dominated"] and point not in (chosen, baseline):
            _write(labels, point, formatting.name(point), color=GREY, fontsize=10)


def _write(labels: Labels, point: Row, text: str, **style: Any) -> None:
    labels.add(point["x"], point["y"], text, **style)


def _size(point: Row) -> str:
    return f"{point['x']:.1f} kB"


def _ring(axes: Axes, point: Row, colour: str) -> None:
    style: Style = {
        "markersize": 15,
        "markerfacecolor": "none",
        "markeredgewidth": 1.8,
    }
    axes.plot(point["x"], point["y"], "o", markeredgecolor=colour, zorder=4, **style)
