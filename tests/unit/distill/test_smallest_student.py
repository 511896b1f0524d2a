"""A student from the front of the search: the smallest that is good enough."""

from __future__ import annotations

import pytest

from pipeline.core.errors import UserError
from pipeline.data.artifact import Data
from pipeline.data.spec import TaskSpec
from pipeline.distill.params import DistillParams
from pipeline.distill.smallest_student import smallest_student
from pipeline.distill.student_trainer import StudentTrainer
from pipeline.engine.stage import Inputs
from pipeline.tasks.registry import get
from pipeline.train.artifact import Architecture, write_architecture
from pipeline.tune.artifact import Best, write_best

SPEC = TaskSpec("x", "x:x", (5,), "float32", ("a", "b"), modality="table")
WIDTHS = {0.25: 0.90, 0.5: 0.94, 1.0: 0.95}  # and what each scored
WEIGHTS = {0.25: 500, 0.5: 1500, 1.0: 5000}

ACCURACY = get("classification").metric


def searched(**more) -> Best:
    front = [
        {
            "trial": number,
            "score": WIDTHS[width],
            "parameters": WEIGHTS[width],
            "bytes_int8": WEIGHTS[width],
            "values": {"width": width, "layers": 1, "units": 64, **more},
        }
        for number, width in enumerate(WIDTHS)
    ]
    return Best("mlp", {}, 0.95, 5000, 2, front=front)


@pytest.mark.parametrize(
    ("drop", "width"), [(0.005, 1.0), (0.011, 0.5), (0.04, 0.5), (0.051, 0.25)]
)
def test_the_smallest_within_the_drop(drop, width):
    builder, values = smallest_student(searched(), drop, weights=6000, metric=ACCURACY)
    assert (builder, values["width"]) == ("mlp", width)


def test_it_is_of_the_family_that_was_searched():
    builder, values = smallest_student(
        searched(builder="cnn1d"), 0.051, weights=6000, metric=ACCURACY
    )
    assert builder == "cnn1d" and "builder" not in values


def test_one_that_is_no_smaller_than_the_trained_model_is_refused():
    with pytest.raises(UserError, match="distill.smallest 0.005: of the 3 .* trial 2"):
        smallest_student(searched(), 0.005, weights=5000, metric=ACCURACY)


def test_the_student_is_built_so(tmp_path):
    write_architecture(tmp_path, Architecture("mlp", {"units": 64}, 5000))
    write_best(tmp_path, searched())
    inputs = Inputs({"train": tmp_path, "tune": tmp_path}, 1, scratch=tmp_path)
    params = DistillParams(smallest=0.011)
    trainer = StudentTrainer(params, inputs, Data(tmp_path, SPEC), tmp_path)
    _, architecture = trainer.student(1)
    assert architecture.values["width"] == 0.5
    assert architecture.weights == 5 * 32 + 32 + 32 * 2 + 2


@pytest.mark.parametrize(
    "other", [{"builder": "mlp"}, {"values": {"units": 8}}, {"width": 0.5}]
)
def test_a_student_is_made_in_one_way(other):
    with pytest.raises(ValueError, match=f"and excludes {next(iter(other))}; remove"):
        DistillParams(smallest=0.02, **other)
