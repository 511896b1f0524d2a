"""A calibration set that cannot hold every class is told of."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from pipeline.compress.stage import _warn_about_calibration
from pipeline.data.spec import TaskSpec


@pytest.mark.parametrize(
    ("task", "count", "warns"),
    [
        ("classification", 2, True),
        ("classification", 3, False),
        ("anomaly_detection", 1, False),
    ],
)
def test_fewer_examples_than_classes_are_a_warning(task, count, warns, capsys):
    spec = TaskSpec("toy", "toy:toy", (4,), "float32", ("a", "b", "c"), task=task)
    data = SimpleNamespace(spec=spec, calibration=lambda: range(count))
    _warn_about_calibration(SimpleNamespace(data=data))
    told = capsys.readouterr().out
    assert ("warning: 2 calibration examples for 3 classes" in told) == warns
