"""frontier.png: the score on test against size, one point per file.

What is dominated and what is chosen was decided on validation; here everything
stands where the test split puts it. Accuracy is drawn in percent, any other score as
it is.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter
from PIL import Image

from pipeline.report import words
from pipeline.report.labels import Labels
from pipeline.metrics.metric import Metric
from pipeline.tasks.registry import of_document

COLOURS = {"baseline": "#1f5fa8", "student": "#d1662c"}
GREEN, GREY, INK = "#137a4c", "#6b6b6b", "#222222"
DPI, COUNT = 160, 256  # sharp at 800 pixels on a dense screen; colours of the file
DEPTH = 4.0  # how many budgets below the budget's line the picture reaches
Row = Mapping[str, Any]


def draw(
    path: Path, rows: Sequence[Row], pareto: Mapping[str, Any], title: str
) -> None:
    """Write the picture.

    Args:
        rows: rows of Facts; those without a score on test are left out.
        pareto: `budget`, `measure`, `baseline` and `chosen` of pareto.json, and
            `task`.
        title: what stands above it.
    """
    score, size = of_document(pareto).metric, f"bytes_{pareto['measure']}"
    shown = [row for row in rows if row[score.key] is not None]
    shown = [{**row, "worth": score.merit(row[score.key])} for row in shown]
    baseline = next(row for row in shown if row["id"] == pareto["baseline"])
    least = baseline["worth"] - pareto["budget"]["max_drop"]
    figure = Figure(figsize=(8, 4.6), layout="constrained")
    axes = figure.add_subplot()
    floor = _limit(axes, shown, least, size, score.scale)
    placed = [_place(row, size, floor, score.scale) for row in shown]
    _dress(axes, pareto["measure"], title, score)
    _draw_budget(axes, score.scale * least, pareto["budget"]["max_bytes"])
    _draw_points(axes, placed)
    _draw_legend(axes, placed)
    _write_labels(axes, placed, pareto, score)
    _save(figure, path)


def _save(figure: Figure, path: Path) -> None:
    """Write the picture with as few colours as it takes: a third of the bytes."""
    buffer = io.BytesIO()
    figure.savefig(buffer, dpi=DPI)
    picture = Image.open(buffer).convert("RGB")
    picture.quantize(COUNT, dither=Image.Dither.NONE).save(path, optimize=True)


def _limit(
    axes: Axes, rows: Sequence[Row], least: float, size: str, whole: float
) -> float:
    """Set both axes; the lowest score that is drawn where it is, as it is drawn."""
    best = max(row["worth"] for row in rows)
    reach = DEPTH * max(best - least, 0.01)
    floor = whole * max(min([*(row["worth"] for row in rows), least]), least - reach)
    margin = 0.09 * (whole * best - floor)
    axes.set_ylim(floor - margin, whole * best + 2.2 * margin)
    axes.set_xscale("log")
    sizes = [row[size] / 1000 for row in rows]
    axes.set_xlim(min(sizes) / 1.5, max(sizes) * 1.5)
    return floor


def _place(row: Row, size: str, floor: float, whole: float) -> dict[str, Any]:
    """A row with its place; what lies deeper than the floor is put on it."""
    y = whole * row["worth"]
    return {**row, "x": row[size] / 1000, "y": max(y, floor), "deeper": y < floor}


def _dress(axes: Axes, measure: str, title: str, score: Metric) -> None:
    axes.set_title(title, loc="left", fontsize=14, color=INK, pad=31, parse_math=False)
    packed = " after gzip -9" if measure == "gzip" else ""
    axes.set_xlabel(f"size of the .tflite file{packed}", fontsize=12, color=INK)
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


def _percent(value: float, _: int) -> str:
    return f"{value:g} %" if value <= 100 + 1e-9 else ""


def _draw_budget(axes: Axes, least: float, max_bytes: int | None) -> None:
    """Shade what the budget allows; `least` as it is drawn."""
    (left, right), (_, top) = axes.get_xlim(), axes.get_ylim()
    limit = min(max(max_bytes / 1000, left), right) if max_bytes else right
    corner, size = (left, least), (limit - left, top - least)
    axes.add_patch(Rectangle(corner, *size, color=GREEN, alpha=0.07, linewidth=0))
    style = {"color": GREEN, "linewidth": 1.1, "linestyle": (0, (4, 3))}
    axes.plot([left, limit], [least] * 2, **style)
    if limit < right:
        axes.plot([limit] * 2, [least, top], **style)


def _draw_points(axes: Axes, points: Sequence[Row]) -> None:
    """The frontier as a line; what is dominated is pale."""
    axes.plot(*zip(*_line(points)), color="0.75", linewidth=1.3, zorder=2)
    for point in points:
        axes.plot(
            point["x"],
            point["y"],
            "v" if point["deeper"] else "o",
            color=COLOURS[point["source"]],
            alpha=0.35 if point["dominated"] else 1.0,
            markersize=9,
            markeredgecolor="white",
            zorder=3,
        )


def _line(points: Sequence[Row]) -> list[tuple[float, float]]:
    """Corners of the frontier, from the smallest file to the largest."""
    return sorted((p["x"], p["y"]) for p in points if not p["dominated"])


def _draw_legend(axes: Axes, points: Sequence[Row]) -> None:
    """A line of keys between the title and the picture."""
    style = {"markersize": 9, "markeredgecolor": "white"}
    sources = {point["source"] for point in points}
    for source in filter(sources.__contains__, COLOURS):
        axes.plot([], [], "o", color=COLOURS[source], label=source, **style)
    deeper = any(point["deeper"] for point in points)
    pale = "dominated" if deeper else "dominated on validation"  # room is for one
    axes.plot([], [], "o", color=GREY, alpha=0.4, label=pale, **style)
    if deeper:
        axes.plot([], [], "v", color=GREY, label="further below", **style)
    box = {"color": GREEN, "alpha": 0.15, "label": "within budget"}
    axes.add_patch(Rectangle((0, 0), 0, 0, **box))
    axes.legend(
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
    """Name the chosen file and the baseline, then the rest as far as there is room."""
    labels = Labels(axes, [(p["x"], p["y"]) for p in points], _line(points))
    by_name = {point["id"]: point for point in points}
    if chosen := by_name.get(pareto["chosen"]):
        _ring(axes, chosen, GREEN)
        text = f"chosen: {words.name(chosen)}, {_worth(chosen)}"
        bold = {"color": GREEN, "weight": "bold", "fontsize": 11}
        _write(labels, chosen, text, must=True, **bold)
    baseline = by_name[pareto["baseline"]]
    if baseline is not chosen:
        _ring(axes, baseline, GREY)
        text = f"float baseline, {_worth(baseline)}"
        _write(labels, baseline, text, must=True, color=INK, fontsize=11)
    for point in points:
        if point["deeper"]:
            percent = " %" if score.scale > 1 else ""
            text = f"{score.bare(score.merit(point['worth']))}{percent}"
            _write(labels, point, text, color=GREY, fontsize=10)
        elif not point["dominated"] and point not in (chosen, baseline):
            _write(labels, point, words.name(point), color=GREY, fontsize=10)


def _write(labels: Labels, point: Row, text: str, **style: Any) -> None:
    labels.add(point["x"], point["y"], text, **style)


def _worth(point: Row) -> str:
    return f"{point['x']:.1f} kB"


def _ring(axes: Axes, point: Row, colour: str) -> None:
    style = {"markersize": 15, "markerfacecolor": "none", "markeredgewidth": 1.8}
    axes.plot(point["x"], point["y"], "o", markeredgecolor=colour, zorder=4, **style)
