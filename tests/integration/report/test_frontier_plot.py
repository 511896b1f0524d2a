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


def test_a_budget_of_bytes_is_a_line(draw):
    narrow = {"max_drop": 0.01, "max_bytes": 5_000, "size_metric": "gzip"}
    wide, small = imread(draw("a.png")), imread(draw("b.png", budget=narrow))
    line = np.flatnonzero(_where(small, frontier_plot.GREEN).sum(axis=0) > 200)
    assert 0 < len(line) < 6
    assert not (_where(wide, frontier_plot.GREEN).sum(axis=0) > 200).any()


def test_a_file_over_the_budget_is_hollow_and_in_no_band(draw):
    def over(text):
        return [row | {"over_budget": text} for row in draw.rows]

    image = imread(draw("a.png", rows=over(["up to 4.2 points"])))
    filled = imread(draw("b.png", rows=over([])))
    for colour in frontier_plot.COLOURS.values():
        assert 0 < _share(image, colour) < _share(filled, colour)
    assert _share(filled, "#eef5f2") < 1000  # a band had a third of all pixels


def test_a_ruined_variant_does_not_squeeze_the_others(draw):
    rows = [
        row | {"accuracy": 0.1} if row["id"] == "baseline-int8" else row
        for row in draw.rows
    ]
    image = imread(draw(rows=rows))
    assert _height(image) > 0.15 * len(image)  # 1 % if all were in view


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
    """Rows between the ring of the baseline and that of the chosen file."""
    top, side = len(image) // 6, image.shape[1] * 4 // 5  # legend above, labels left
    places = (image[top:, side:], frontier_plot.GREY), (image[top:], "#d1662c")
    middle, other = (np.argwhere(_where(*place))[:, 0].mean() for place in places)
    return abs(middle - other)


@pytest.mark.parametrize("below", [False, True])
def test_triangles_are_explained_where_there_are_any(below):
    figure = Figure(figsize=(8, 4.6))
    axes = figure.add_subplot()
    state = {"below": below, "dominated": True, "over_budget": []}
    points = [{"source": name, **state} for name in frontier_plot.COLOURS]
    frontier_plot._draw_legend(axes, points)
    told = [text.get_text() for text in axes.get_legend().get_texts()]
    assert ("below the axis" in told) == below and "student" in told
    assert "dominated" in told and "over budget on validation" not in told
    FigureCanvasAgg(figure).draw()
    keys = axes.get_legend().get_window_extent()
    assert keys.width < 0.85 * figure.bbox.width  # the rest is for the axis
