from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from matplotlib.image import imread

from pipeline.data.spec import TaskSpec
from pipeline.tasks.classification import confusion

SPEC = TaskSpec("toy", "sklearn:toy", (2, 2, 1), "uint8", ("a", "b", "c"))
Y = np.array([0, 1, 2] * 20)


def test_each_model_has_a_panel(tmp_path):
    one, two = tmp_path / "one.png", tmp_path / "two.png"
    confusion.draw(one, Y, {"float": Y}, SPEC)
    confusion.draw(two, Y, {"float": Y, "int8": np.zeros_like(Y)}, SPEC)
    assert imread(two).shape[1] == 2 * imread(one).shape[1]


def test_equal_answers_give_equal_bytes(tmp_path):
    paths = [tmp_path / "one.png", tmp_path / "two.png"]
    for path in paths:
        confusion.draw(path, Y, {"float": Y}, SPEC)
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_one_mistake_in_twenty_can_be_seen(tmp_path):
    guess = Y.copy()
    guess[0] = 2
    confusion.draw(tmp_path / "right.png", Y, {"float": Y}, SPEC)
    confusion.draw(tmp_path / "wrong.png", Y, {"float": guess}, SPEC)
    right, wrong = (imread(tmp_path / name) for name in ("right.png", "wrong.png"))
    assert _orange(right) == 0
    assert _orange(wrong) > 1000


@pytest.mark.parametrize(
    "classes",
    [("$x$", "x_{", "<b>"), tuple(f"a rather long name {n}" for n in range(60))],
    ids=["markup", "many and long"],
)
def test_any_class_names_can_be_drawn(tmp_path, classes):
    spec = dataclasses.replace(SPEC, classes=classes)
    confusion.draw(tmp_path / "confusion.png", Y, {"float": Y}, spec)
    assert imread(tmp_path / "confusion.png").max() > 0


def _orange(image: np.ndarray) -> int:
    """How many pixels are clearly more red than blue."""
    return int(np.sum(image[..., 0] > image[..., 2] + 0.1))
