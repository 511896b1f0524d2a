from __future__ import annotations

import pytest

from pipeline.core.errors import UserError
from pipeline.report.experiment_data import read_experiment


def test_an_experiment_is_called_like_its_folder(published):
    facts = read_experiment(published.folders)
    assert (facts.name, facts.title) == ("toy", "toy")
    assert read_experiment(published.folders, "Toys").title == "Toys"


def test_accuracy_is_of_the_test_split_and_validation_is_named(published):
    row = read_experiment(published.folders).row("student-int8")
    assert row["accuracy"] == 193 / 200
    assert row["drop"] == pytest.approx(3 / 200)
    assert row["validation_accuracy"] == 0.975
    assert row["validation_drop"] == pytest.approx(0.005)


@pytest.mark.parametrize("name", ["student-qat", "student-prune0.5"])
def test_what_was_not_evaluated_has_no_test_accuracy(published, name):
    row = read_experiment(published.folders).row(name)
    assert (row["accuracy"], row["drop"], row["latency_ms"]) == (None, None, None)


def test_a_ratio_is_of_gzip_bytes_against_the_baseline(published):
    facts = read_experiment(published.folders)
    assert facts.row("student-int8")["ratio"] == 10.0
    assert facts.row("student-prune0.5")["ratio"] is None


def test_the_smallest_file_is_first_and_what_has_none_is_last(published):
    names = [row["id"] for row in read_experiment(published.folders).rows]
    assert (names[0], names[-2:]) == (
        "student-int8",
        ["baseline-float", "student-prune0.5"],
    )


def test_latency_is_the_median_where_it_was_measured(published):
    facts = read_experiment(published.folders)
    assert facts.row("student-int8")["latency_ms"] == 0.0124
    assert facts.row("baseline-int8")["latency_ms"] is None


def test_what_a_file_gains_in_speed_is_said_in_words(published):
    facts = read_experiment(published.folders)
    speeds = [facts.row(name)["speed"] for name in ("student-int8", "baseline-int8")]
    assert speeds == ["4.0x faster", None]
    assert facts.row("baseline-float")["speed"] is None
    assert facts.threads == "1 thread"


def test_no_name_is_no_row(published):
    assert read_experiment(published.folders).row(None) is None


def test_a_missing_file_is_named(published):
    (published.folders["evaluate"] / "evaluation.json").unlink()
    with pytest.raises(UserError, match="evaluation.json: the file is missing"):
        read_experiment(published.folders)
