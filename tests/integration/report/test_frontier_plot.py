from __future__ import annotations

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.image import imread

from pipeline.report import frontier_plot
from pipeline.report.experiment_data import read_experiment


@pytest.fixture
def draw(published):
    """Draws after changes, and returns the picture's file."""
    facts = read_experiment(published.folders)

    def drawn(name="frontier.png", rows=facts.rows, title="toy", **changed):
        path = published.out / name
        frontier_plot.draw(path, rows, facts.pareto | changed, title)
        return path

    drawn.rows = facts.rows
    return drawn


def test_equal_rows_give_equal_bytes(draw):
    assert draw("one.png").read_bytes() == draw("two.png").read_bytes()


def test_the_file_is_small_enough_for_a_readme(draw):
    path = draw()
    assert path.stat().st_size < 40_000
    assert imread(path).shape[1] == 1280


def test_sources_have_colours_of_their_own(draw):
    image = imread(draw())
    for colour in frontier_plot.COLOURS.values():
        assert _share(image, colour) > 100


def test_a_chosen_file_is_marked(draw):
    marked, unmarked = imread(draw("a.png")), imread(draw("b.png", chosen=None))
    assert (
        _share(marked, frontier_plot.GREEN)
        > _share(unmarked, frontier_plot.GREEN) + 1000
    )


def test_a_budget_of_bytes_narrows_the_band(draw):
    narrow = {"max_drop": 0.01, "max_bytes": 5_000, "size_metric": "gzip"}
    wide, small = imread(draw("a.png")), imread(draw("b.png", budget=narrow))
    assert _share(small, "#eef5f2") < 0.7 * _share(wide, "#eef5f2")


def test_a_ruined_variant_does_not_squeeze_the_others(draw):
    rows = [
        row | {"accuracy": 0.1} if row["id"] == "baseline-int8" else row
        for row in draw.rows
    ]
    image = imread(draw(rows=rows))
    assert _height(image) > 0.2 * len(image)


def test_any_title_can_be_drawn(draw):
    assert draw(title="<b> $x_{").stat().st_size > 0


def test_one_file_is_enough(draw):
    only = [row for row in draw.rows if row["id"] == "baseline-float"]
    assert draw(rows=only, chosen="baseline-float").stat().st_size > 0


def _where(image: np.ndarray, colour: str) -> np.ndarray:
    """Mask of the pixels of one colour, `#rrggbb`."""
    wanted = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    return np.all(np.abs(image[..., :3] - wanted) < 0.015, axis=-1)


def _share(image: np.ndarray, colour: str) -> int:
    return int(_where(image, colour).sum())


def _height(image: np.ndarray) -> int:
    """Rows between the upper edge of the budget's band and its lower one."""
    rows = np.flatnonzero(_where(image, "#eef5f2").sum(axis=1) > 100)
    return rows[-1] - rows[0]


@pytest.mark.parametrize("below", [False, True])
def test_triangles_are_explained_where_there_are_any(below):
    figure = Figure(figsize=(8, 4.6))
    axes = figure.add_subplot()
    points = [{"source": name, "below": below} for name in frontier_plot.COLOURS]
    frontier_plot._draw_legend(axes, points)
    told = [text.get_text() for text in axes.get_legend().get_texts()]
    assert ("below the axis" in told) == below and "student" in told
    FigureCanvasAgg(figure).draw()
    keys = axes.get_legend().get_window_extent()
    assert keys.width < 0.85 * figure.bbox.width  # the rest is for the axis
