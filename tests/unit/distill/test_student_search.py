"""The search for a student: its section, its space, and the choice among finalists."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from pipeline.core.errors import UserError
from pipeline.data.spec import TaskSpec
from pipeline.distill.params import DistillParams
from pipeline.distill.student_search import WIDTHS, _built_space, choose
from pipeline.distill.student_trial import candidate_costs, chosen
from pipeline.tasks.registry import get
from pipeline.tune import space
from pipeline.tune.finalists import Finalist
from pipeline.tune.search import Trial

SPEC = TaskSpec("x", "x:x", (8, 8, 1), "uint8", ("a", "b", "c"), scale=1 / 255)
LIMITS = {"bytes_int8": 9000}


def params(**search) -> DistillParams:
    return DistillParams(search={"limits": LIMITS, **search})


@pytest.mark.parametrize(
    ("section", "reason"),
    [
        ({"search": {}}, "search.limits is empty: set at least one of"),
        (
            {"search": {"limits": LIMITS}, "builder": "cnn"},
            "search finds the student and excludes builder",
        ),
        (
            {"search": {"limits": LIMITS}, "smallest": 0.01},
            "search finds the student and excludes smallest",
        ),
        (
            {"search": {"limits": LIMITS, "values": {"learning_rate": 0.1}}},
            "set distill.learning_rate",
        ),
        ({"search": {"limits": LIMITS, "builders": ["cmm"]}}, "cmm"),
    ],
)
def test_a_section_that_contradicts_itself_says_what_to_do(section, reason):
    with pytest.raises(ValidationError, match=reason):
        DistillParams.model_validate(section)


def finalist(number: int, size: int, scores: tuple[float, ...], failed=None):
    trial = Trial(number, {}, 1, 1, [], result={"bytes_int8": size})
    return Finalist(trial, scores, scores, failed)


@pytest.mark.parametrize(
    ("drop", "number"), [(0.0, 0), (0.011, 1), (0.05, 2), (0.5, 2)]
)
def test_the_smallest_finalist_near_the_best_is_chosen(drop, number):
    finalists = [
        finalist(0, 9000, (0.98, 0.96)),
        finalist(1, 6000, (0.97, 0.95)),
        finalist(2, 4000, (0.93, 0.93)),
        finalist(3, 2000, (0.97,), failed="not finite"),
    ]
    metric = get("classification").metric
    assert choose(finalists, drop, metric).trial.number == number


def test_width_is_searched_where_a_builder_has_it():
    tune, config = _built_space(params(), ["cnn"], SPEC)
    rows = {row["name"]: row for row in space.describe_space(config)}
    assert rows["width"]["values"] == WIDTHS
    assert "learning_rate" not in space.searched_names(config)
    _, config = _built_space(params(values={"width": 0.5}), ["cnn"], SPEC)
    assert "width" not in space.searched_names(config)
    _, config = _built_space(params(), ["cnn", "mlp"], SPEC)
    assert {"builder", "cnn/width", "mlp/width"} <= set(space.searched_names(config))
    assert tune.limits.bytes_int8 == 9000


def test_a_name_that_no_builder_has_is_an_error():
    with pytest.raises(UserError, match='has "fliters"; did you mean "filters"'):
        _built_space(params(space={"fliters": [4, 8]}), ["cnn"], SPEC)


def test_a_candidate_becomes_the_student_and_its_costs_need_no_training():
    section = params(space={"filters": [4, 8]})
    tune, config = _built_space(section, ["cnn"], SPEC)
    values = {**space.defaults(config), "filters": 4, "width": 0.5}
    student = chosen(section, tune, values, epochs=7)
    assert (student.builder, student.epochs, student.search) == ("cnn", 7, None)
    assert student.values["filters"] == 4 and "learning_rate" not in student.values
    larger = candidate_costs(tune, SPEC, {**values, "width": 1.0})
    assert candidate_costs(tune, SPEC, values)["macs"] < larger["macs"]
