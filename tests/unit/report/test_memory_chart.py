"""The picture of memory over the operators, on a file of MLPerf Tiny."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from pipeline.compress.tflite.arena import estimate, layout
from pipeline.report.memory_chart import memory_chart
from tests.helpers.device_files import FOLDER, read

CONTENT = read(FOLDER / "mlperf-resnet8.tflite.gz")


def chart(tmp_path, content: bytes):
    (tmp_path / "best.tflite").write_bytes(content)
    row = {"file": "best.tflite", "source": "baseline", "recipe": "int8"}
    experiment = SimpleNamespace(folders={"compress": tmp_path})
    return memory_chart(experiment, {"chosen": row})


def test_the_picture_is_as_high_as_the_head_of_the_arena(tmp_path):
    picture = chart(tmp_path, CONTENT)
    assert picture.height == estimate(CONTENT).head
    assert max(picture.used) <= picture.height
    assert picture.used[picture.peak] == max(picture.used)
    assert len(picture.operators) == len(picture.used)


def test_no_two_tensors_overlap(tmp_path):
    rectangles = chart(tmp_path, CONTENT).rectangles
    assert len(rectangles) == len(layout(CONTENT))
    for number, a in enumerate(rectangles):
        for b in rectangles[number + 1 :]:
            beside = a.x + a.width <= b.x or b.x + b.width <= a.x
            above = a.y + a.height <= b.y or b.y + b.height <= a.y
            assert beside or above, (a.text, b.text)


def test_the_tensors_of_the_largest_operator_are_highlighted(tmp_path):
    picture = chart(tmp_path, CONTENT)
    highlighted = sum(r.height for r in picture.rectangles if r.kind == "peak")
    assert highlighted == picture.used[picture.peak]


@pytest.mark.parametrize("content", [b"", b"not a model"])
def test_a_file_that_cannot_be_read_has_no_picture(tmp_path, content):
    assert chart(tmp_path, content) is None
