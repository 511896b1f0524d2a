"""Runs that would have no labels to train with, or no test examples to evaluate."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.core.errors import UserError
from pipeline.data.params import DataParams
from pipeline.engine.plan import Decision
from pipeline.engine.stage import Job
from pipeline.experiment.preflight import check_splits

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
