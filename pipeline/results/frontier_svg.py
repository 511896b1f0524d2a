"""The frontier of a result as one SVG picture that stands in any page.

In: rows of pareto.json and the limits of the budget. Out: text of an `<svg>` element,
without scripts, styles or links. Ink is `currentColor`, so that the picture reads on
light and dark pages.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from typing import Any

from pipeline.compress.selection.budget import Limits
from pipeline.report.variant_text import size

Row = dict[str, Any]
WIDTH, HEIGHT = 400, 270
LEFT, RIGHT, TOP, BOTTOM = 56, 388, 34, 222  # edges of the axes
GREEN, GREY = "#1c9a62", "#8a8f96"  # both read on white and on black
FONT = 'font-family="system-ui, sans-serif" font-size="14" fill="currentColor"'


def draw(rows: Sequence[Row], chosen: str | None, limits: Limits) -> str:
    """Draw validation metric against size, one point per file.

    Args:
        rows: of pareto.json; those without a file are left out.
        chosen: id of the chosen file; None if no file meets the budget.
        limits: of the budget, with the metric and the size that is compared.

    Returns:
        The element; empty text if no row has a file.
    """
    rows = [row for row in rows if row["status"] == "ok"]
    if not rows:
        return ""
    places = list(zip(_x(rows, limits), _y(rows, limits)))
    best = next((i for i, row in enumerate(rows) if row["id"] == chosen), None)
    parts = [_axes(rows, limits), _line(rows, places)]
    parts += [_point(row, place, limits) for row, place in zip(rows, places)]
    if best is not None:
        parts.append(_ring(rows[best], places[best], limits))
    title = f"validation {limits.metric.name} against {limits.size_metric} size"
    return (
        f'<svg role="img" aria-label="{escape(title)}" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'style="width:100%;max-width:{WIDTH * 6 // 5}px" {FONT}>{"".join(parts)}</svg>'
    )


def _x(rows: Sequence[Row], limits: Limits) -> list[float]:
    """Positions on a logarithmic axis."""
    return _scaled(
        [math.log(row[limits.size_key]) for row in rows], LEFT + 24, RIGHT - 24
    )


def _y(rows: Sequence[Row], limits: Limits) -> list[float]:
    """Positions with better values above, also of a metric that is better if low."""
    merits = [limits.metric.merit(row[limits.metric.key]) for row in rows]
    return _scaled(merits, BOTTOM - 18, TOP + 18)


def _scaled(values: Sequence[float], start: float, end: float) -> list[float]:
    """Spread values from `start` (lowest) to `end`; equal ones are in the middle."""
    low, span = min(values), max(values) - min(values)
    shares = [(value - low) / span if span else 0.5 for value in values]
    return [start + share * (end - start) for share in shares]


def _axes(rows: Sequence[Row], limits: Limits) -> str:
    """Both axes, with the lowest and the highest value of each as labels."""
    corner = f"M{LEFT} {TOP - 10}V{BOTTOM}H{RIGHT}"
    marks = [f'<path d="{corner}" fill="none" stroke="{GREY}"/>']
    for axis in (_size_marks, _metric_marks):
        marks += axis(rows, limits)
    name = escape(f"validation {limits.metric.name}")
    unit = f"size ({limits.size_metric})"
    marks.append(_text(6, 15, name, "start"))
    marks.append(_text((LEFT + RIGHT) / 2, BOTTOM + 42, unit, "middle"))
    return "".join(marks)


def _size_marks(rows: Sequence[Row], limits: Limits) -> list[str]:
    places = dict(zip(_x(rows, limits), (row[limits.size_key] for row in rows)))
    ends = {min(places), max(places)}
    return [_text(x, BOTTOM + 20, size(places[x]), "middle") for x in sorted(ends)]


def _metric_marks(rows: Sequence[Row], limits: Limits) -> list[str]:
    places = dict(zip(_y(rows, limits), (row[limits.metric.key] for row in rows)))
    ends = {min(places), max(places)}
    return [_text(LEFT - 6, y + 4, f"{places[y]:.3f}", "end") for y in sorted(ends)]


def _line(rows: Sequence[Row], places: Sequence[tuple[float, float]]) -> str:
    """The frontier: a line through the files that no other file beats."""
    corners = sorted(at for row, at in zip(rows, places) if not row["dominated"])
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in corners)
    return f'<polyline points="{points}" fill="none" stroke="{GREY}"/>'


def _point(row: Row, place: tuple[float, float], limits: Limits) -> str:
    """A dot, hollow where no one would choose it, with its name on hover."""
    fill = "none" if row["dominated"] else GREY
    value = f"{row[limits.metric.key]:.3f}"
    name = escape(f"{row['recipe']}: {value}, {size(row[limits.size_key])}")
    return (
        f'<circle cx="{place[0]:.1f}" cy="{place[1]:.1f}" r="5" fill="{fill}" '
        f'stroke="{GREY}" stroke-width="2"><title>{name}</title></circle>'
    )


def _ring(row: Row, place: tuple[float, float], limits: Limits) -> str:
    """The chosen file, in green; its recipe may be too long for a label."""
    x, y = place
    left = x > (LEFT + RIGHT) / 2
    label = f"chosen: {size(row[limits.size_key])}"
    dot = f'<circle cx="{x:.1f}" cy="{y:.1f}" r="7" fill="{GREEN}"/>'
    shift = -12 if left else 12
    text = _text(x + shift, y - 10, label, "end" if left else "start")
    return dot + text.replace("<text ", '<text font-weight="bold" ')


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{text}</text>'
