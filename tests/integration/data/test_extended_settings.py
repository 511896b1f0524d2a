"""`data.extend` with other preprocessing than the earlier weights know."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.core.errors import UserError
from pipeline.experiment.earlier_results import check
from pipeline.experiment.loader import read_experiment
from tests.helpers.published import record


def extended(folder: Path, kind: str, *sets: str):
    """The job of an extended experiment, its first data as they were published."""
    text = f"data: {{source: '{kind}:one', extend: '{kind}:two'}}\n"
    (folder / "experiment.yaml").write_text(text)
    was = read_experiment(folder, ["data.extend=null"])
    data = folder / "before" / "0" / "data"
    data.mkdir(parents=True)
    record(data, parts={"params": was.data.hashed()})
    return read_experiment(folder, sets).job(folder)


@pytest.mark.parametrize(
    ("kind", "setting", "message"),
    [
        ("wav", "data.audio.frame_ms=16", "data.audio.frame_ms is 16.0 and was 32.0"),
        ("images", "data.image.channels=1", "data.image.channels is 1 and was None"),
        ("text", "data.text.length=9", "data.text.length is 9 and was 32"),
        ("csv", "data.task=regression", "data.task is 'regression' and was 'class"),
    ],
)
def test_other_preprocessing_is_an_error_before_anything_is_read(
    tmp_path, kind, setting, message
):
    with pytest.raises(
        UserError, match=f"{message}.*restore it, or train from scratch"
    ):
        check(extended(tmp_path, kind, setting))


def test_what_changes_no_number_may_differ(tmp_path):
    job = extended(tmp_path, "csv", "data.image.channels=1", "data.on_bad_example=skip")
    with pytest.raises(
        UserError, match="the search from before data.extend is missing"
    ):
        check(job)  # the next thing that is looked at, and is not there


def test_a_training_that_begins_anew_may_read_its_data_otherwise(tmp_path):
    sets = ("data.audio.frame_ms=16", "train.init_from=scratch")
    assert check(extended(tmp_path, "wav", *sets)) is None
