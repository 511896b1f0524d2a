"""Words beside points that cover neither a point, nor each other, nor the edge."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Annotation
from matplotlib.transforms import Bbox

GAP = 10.0  # points between a marker's centre and its words
MARKER = 5.0  # points from a marker's centre to its edge
STEPS = 100  # places that are kept free along each piece of a line
# Directions from the point, the preferred one first; `(1, 0.8)` is right and above.
PLACES = [
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
Place = tuple[float, float]
Places = Sequence[Place]


class Labels:
    """Puts labels into axes whose limits are final.

    Args:
        points: `(x, y)` of the markers, in data units.
        line: `(x, y)` of the corners of a line between some of them.
    """

    def __init__(self, axes: Axes, points: Places, line: Places = ()):
        self.axes = axes
        self.renderer = FigureCanvasAgg(axes.figure).get_renderer()
        axes.figure.draw_without_rendering()
        pixels = axes.figure.dpi / 72
        self.taken = [_around(at, MARKER * pixels) for at in self._pixels(points)]
        for start, end in itertools.pairwise(self._pixels(line)):
            steps = np.linspace(0, 1, STEPS)[:, None]
            self.taken += [_around(at, pixels) for at in start + steps * (end - start)]

    def add(self, x: float, y: float, text: str, must: bool = False, **style) -> None:
        """Write `text` beside a point, at the first place that is free.

        Args:
            must: where none is free, write it at the place that covers least;
                otherwise it is not written at all.
        """
        covered = []
        for place in PLACES:
            note = self._write(x, y, text, place, style)
            covered.append(self._covered(note))
            if not covered[-1]:
                return self._keep(note)
            note.remove()
        if must:
            least = PLACES[covered.index(min(covered))]
            self._keep(self._write(x, y, text, least, style))
        return None

    def _pixels(self, places: Places) -> np.ndarray:
        return self.axes.transData.transform(np.reshape(places, (-1, 2)))

    def _write(
        self, x: float, y: float, text: str, place: Place, style: dict
    ) -> Annotation:
        right, up = place
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
        """Pixels of the words that lie on something else or outside the axes."""
        box = self._box(note)
        inside = Bbox.intersection(box, self.axes.get_window_extent())
        outside = _area(box) - (_area(inside) if inside else 0.0)
        both = (Bbox.intersection(box, other) for other in self.taken)
        return outside + sum(_area(common) for common in both if common)

    def _keep(self, note: Annotation) -> None:
        self.taken.append(self._box(note))

    def _box(self, note: Annotation) -> Bbox:
        return note.get_window_extent(self.renderer).padded(2)


def _around(centre: np.ndarray, half: float) -> Bbox:
    return Bbox([centre - half, centre + half])


def _area(box: Bbox) -> float:
    return box.width * box.height
