from __future__ import annotations

import itertools

import pytest
from matplotlib.figure import Figure
from matplotlib.text import Annotation

from pipeline.report.label_placement import Labels

GRID = [(x / 4, y / 4) for x in range(5) for y in range(5)]


@pytest.fixture
def axes():
    return Figure(figsize=(5, 4), layout="constrained").add_subplot()


def _written(axes) -> list:
    return [child for child in axes.get_children() if isinstance(child, Annotation)]


def _boxes(axes) -> list:
    return [note.get_window_extent() for note in _written(axes)]


def test_labels_cover_neither_each_other_nor_the_edge(axes):
    labels = Labels(axes, GRID)
    for x, y in GRID:
        labels.add(x, y, "a label", fontsize=8)
    boxes = _boxes(axes)
    assert len(boxes) > 5
    assert not any(a.overlaps(b) for a, b in itertools.combinations(boxes, 2))
    edge = axes.get_window_extent()
    assert all(edge.x0 <= box.x0 and box.x1 <= edge.x1 for box in boxes)


def test_labels_cover_no_point(axes):
    labels = Labels(axes, GRID)
    for x, y in GRID:
        labels.add(x, y, "a label", fontsize=8)
    centres = axes.transData.transform(GRID)
    assert not any(box.contains(x, y) for box in _boxes(axes) for x, y in centres)


def test_labels_do_not_lie_on_the_line(axes):
    line = [(0.1, 0.1), (0.5, 0.5), (0.9, 0.9)]
    labels = Labels(axes, line, line)
    for x, y in line:
        labels.add(x, y, "a label that is rather long", fontsize=8)
    boxes = _boxes(axes)
    assert boxes
    along = [axes.transData.transform((step / 100,) * 2) for step in range(10, 91)]
    assert not any(box.contains(x, y) for box in boxes for x, y in along)


def test_a_label_without_room_is_left_out_unless_it_must_be_there(axes):
    labels = Labels(axes, [(0.5, 0.5)])
    labels.add(0.5, 0.5, "far too long " * 20)
    assert not _written(axes)
    labels.add(0.5, 0.5, "far too long " * 20, required=True)
    assert len(_written(axes)) == 1


def test_a_dollar_is_no_formula(axes):
    Labels(axes, []).add(0.5, 0.5, r"$\nonsense{$")
    assert len(_written(axes)) == 1
