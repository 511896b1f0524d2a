"""Runs that would miss labels, test examples, or a column of their table."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.core.errors import UserError
from pipeline.data.params import DataParams
from pipeline.engine.plan import Decision
from pipeline.engine.stage import Job
from pipeline.experiment.preflight import check_columns, check_splits

NO_TEST = {"train": 0.7, "validation": 0.3, "test": 0.0}


def check(stage: str, **data: object) -> None:
    job = Job(Path("none"), (), {"data": DataParams(source="npz:a.npz", **data)}, {})
    check_splits(job, [Decision(stage, "new", "", {})])


def test_evaluate_needs_a_test_split():
    with pytest.raises(UserError, match="data.split.test is 0, and evaluate"):
        check("evaluate", split=NO_TEST)
    check("compress", split=NO_TEST)
    check("evaluate", split=NO_TEST, split_sources={"test": "npz:b.npz"})
    check("evaluate")


def test_training_needs_labels():
    with pytest.raises(UserError, match="agreement: has no labels to train with"):
        check("train", task="agreement")


@pytest.mark.parametrize(
    ("source", "data", "key"),
    [
        ("csv", {"columns": {"label": "kinds"}}, "data.columns.label"),
        ("csv", {"columns": {"label": "kind", "ignore": ["c"]}}, "data.columns.ignore"),
        (
            "csv",
            {"columns": {"label": "kind"}, "extra_targets": {"c": "class"}},
            "data.extra_targets",
        ),
        ("text", {"columns": {"label": "kind", "text": "c"}}, "data.columns.text"),
        ("text", {"columns": {"label": "c", "text": "a"}}, "data.columns.label"),
        (
            "csv",
            {"task": "forecasting", "series": {"time": "a", "targets": ["c"]}},
            "data.series.targets",
        ),
    ],
)
def test_a_missing_column_is_found_before_the_data_stage(tmp_path, source, data, key):
    path = tmp_path / "rows.csv"
    path.write_text("a;b;kind\n1;2;x\n")
    params = {"data": DataParams(source=f"{source}:{path}", **data)}
    job = Job(tmp_path, (), params, {})
    with pytest.raises(UserError, match=f'no column "(kinds|c)".*there are.*{key}'):
        check_columns(job, [Decision("data", "new", "", {})])
    check_columns(job, [Decision("data", "cached", "", {})])
