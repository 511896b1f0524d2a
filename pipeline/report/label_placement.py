"""Text labels beside points of a plot, placed without overlaps.

In: axes with final limits, points, a line. Out: annotations in the axes. A label covers
neither a point, nor the line, nor another label, nor the edge of the axes.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Annotation
from matplotlib.transforms import Bbox

GAP = 10.0  # points between the center of a marker and its label
MARKER = 5.0  # radius of a marker, in points
STEPS = 100  # positions kept free along each segment of the line
# Directions from the point, the preferred one first; `(1, 0.8)` is right and above.
DIRECTIONS: list[tuple[int, float]] = [
    (1, 0.8),
    (-1, 0.8),
    (1, -0.8),
    (-1, -0.8),
    (0, 1.4),
    (0, -1.4),
    (1, 0),
    (-1, 0),
]
ALIGNED = {1: "left", 0: "center", -1: "right"}
Direction = tuple[int, float]
Points = Sequence[tuple[float, float]]


class Labels:
    """Labels of axes whose limits are final.

    Args:
        axes: the axes to write into.
        points: `(x, y)` of the markers, in data units.
        line: `(x, y)` of the corners of a line between some of them.
    """

    def __init__(self, axes: Axes, points: Points, line: Points = ()):
        self.axes = axes
        figure = axes.figure
        assert isinstance(figure, Figure)
        self.renderer = FigureCanvasAgg(figure).get_renderer()
        figure.draw_without_rendering()
        pixels = figure.dpi / 72
        self.taken = [_around(xy, MARKER * pixels) for xy in self._pixels(points)]
        for start, end in itertools.pairwise(self._pixels(line)):
            steps = np.linspace(0, 1, STEPS)[:, None]
            self.taken += [_around(xy, pixels) for xy in start + steps * (end - start)]

    def add(
        self, x: float, y: float, text: str, required: bool = False, **style: Any
    ) -> None:
        """Write a label beside a point, in the first direction with enough room.

        Args:
            x: the point's horizontal coordinate, in data units.
            y: the point's vertical coordinate, in data units.
            text: the label.
            required: if no direction has room, write the label where it covers the
                smallest area; by default it is omitted.
            style: properties of the text, as matplotlib names them.
        """
        areas = []
        for direction in DIRECTIONS:
            note = self._write(x, y, text, direction, style)
            areas.append(self._covered(note))
            if not areas[-1]:
                return self._keep(note)
            note.remove()
        if required:
            direction = DIRECTIONS[areas.index(min(areas))]
            self._keep(self._write(x, y, text, direction, style))
        return None

    def _pixels(self, points: Points) -> np.ndarray:
        return np.asarray(self.axes.transData.transform(np.reshape(points, (-1, 2))))

    def _write(
        self, x: float, y: float, text: str, direction: Direction, style: dict[str, Any]
    ) -> Annotation:
        right, up = direction
        note = self.axes.annotate(
            text,
            (x, y),
            (GAP * right, GAP * up),
            textcoords="offset points",
            ha=ALIGNED[right],
            va="center",
            parse_math=False,
            **style,
        )
        note.set_in_layout(False)
        return note

    def _covered(self, note: Annotation) -> float:
        """Area of the label, in pixels, on something else or outside the axes."""
        box = self._box(note)
        inside = Bbox.intersection(box, self.axes.get_window_extent())
        outside = _area(box) - (_area(inside) if inside else 0.0)
        overlaps = (Bbox.intersection(box, other) for other in self.taken)
        return outside + sum(_area(overlap) for overlap in overlaps if overlap)

    def _keep(self, note: Annotation) -> None:
        self.taken.append(self._box(note))

    def _box(self, note: Annotation) -> Bbox:
        return note.get_window_extent(self.renderer).padded(2)


def _around(centre: np.ndarray, half: float) -> Bbox:
    return Bbox([centre - half, centre + half])


def _area(box: Bbox) -> float:
    return float(box.width * box.height)
