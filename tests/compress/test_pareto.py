"""pareto.json: rows compared with the float baseline."""

from __future__ import annotations

import csv
import json

import pytest

from pipeline.compress.selection import pareto_table
from pipeline.compress.params import Budget
from pipeline.compress.selection.pareto_table import limits_of
from pipeline.core.errors import UserError


def row(name: str, accuracy: float | None, size: int | None, **changed) -> dict:
    source, _, recipe = name.partition("-")
    values = {
        "id": name,
        "source": source,
        "recipe": recipe,
        "status": "ok",
        "reason": None,
        "file": f"variants/{name}.tflite",
        "accuracy": accuracy,
        "bytes_gzip": size,
        "bytes_raw": size and 2 * size,
        "left_out": [],
        "operators": {"CONV_2D": 2, "MEAN": 1},
    }
    return {**values, **changed}


BASELINE = row("baseline-float", 0.98, 1000)
INT8 = row("baseline-int8", 0.975, 300)
FAILED = row("student-qat", None, None, status="failed", reason="no memory", file=None)
BROKEN = row("student-int8", 0.98, 10, status="broken", reason="float inside")


def test_the_document_names_the_choice_and_compares_every_row():
    document = pareto_table.document([BASELINE, INT8, FAILED, BROKEN], limits_of(Budget()))
    points = {point["id"]: point for point in document["points"]}
    assert document["chosen"] == "baseline-int8"
    assert points["baseline-int8"]["drop"] == pytest.approx(0.005)
    assert points["student-qat"]["drop"] is None
    flags = [point["dominated"] for point in document["points"]]
    assert flags == [False, False, True, True]


def test_the_order_of_the_rows_is_kept():
    document = pareto_table.document([INT8, FAILED, BASELINE], limits_of(Budget()))
    names = [point["id"] for point in document["points"]]
    assert names == ["baseline-int8", "student-qat", "baseline-float"]


@pytest.mark.parametrize("measure", ["gzip", "raw"])
def test_the_measure_of_the_budget_decides(measure):
    heavy = row("student-int8", 0.98, 200, bytes_raw=5000)
    document = pareto_table.document(
        [BASELINE, INT8, heavy], limits_of(Budget(measure=measure))
    )
    assert (
        document["chosen"] == {"gzip": "student-int8", "raw": "baseline-int8"}[measure]
    )


def test_nothing_within_the_budget_is_published_and_the_nearest_named():
    budget = Budget(max_drop=0.01, max_bytes=290)
    document = pareto_table.document([BASELINE, INT8], limits_of(budget))
    told = pareto_table.metrics(document, limits_of(budget))
    assert document["chosen"] is told["chosen"] is told["bytes_gzip"] is None
    assert told["headline"].endswith(
        "nearest baseline | int8, 0.3 kB gzip: bytes gzip 300 (allowed: 290)"
    )


def test_the_metrics_count_what_became_of_the_variants():
    document = pareto_table.document([BASELINE, INT8, FAILED, BROKEN], limits_of(Budget()))
    told = pareto_table.metrics(document, limits_of(Budget()))
    assert told["variants"] == {"ok": 2, "broken": 1, "failed": 1}
    assert told["ratio"] == 3.33
    assert told["headline"] == "4 variants, chosen baseline | int8 at 0.3 kB gzip"


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([{**BASELINE, **FAILED, "id": "baseline-float"}], "none of the 1 variants"),
        ([{**BASELINE, "status": "broken", "reason": "Flex"}, INT8], "is broken: Flex"),
    ],
)
def test_without_a_baseline_there_is_nothing_to_publish(rows, words):
    with pytest.raises(UserError, match=words):
        pareto_table.document(rows, limits_of(Budget()))


def test_the_table_is_written_twice_with_equal_content(tmp_path):
    document = pareto_table.document([BASELINE, FAILED], limits_of(Budget()))
    pareto_table.write(tmp_path, document)
    assert json.loads((tmp_path / "pareto.json").read_text()) == document
    with (tmp_path / "pareto.csv").open(newline="") as file:
        lines = list(csv.DictReader(file))
    assert [line["id"] for line in lines] == ["baseline-float", "student-qat"]
    assert lines[0]["operators"] == "CONV_2D 2; MEAN 1"
    assert (lines[1]["accuracy"], lines[1]["reason"]) == ("", "no memory")


def test_another_task_has_its_score_where_accuracy_stands():
    rows = [{**row(f"baseline-{n}", 0.5, 100), "r2": 0.9} for n in ("float", "int8")]
    rows = [{k: v for k, v in one.items() if k != "accuracy"} for one in rows]
    rows[1] |= {"r2": 0.895, "bytes_gzip": 30}
    limits = limits_of(Budget(), "regression")
    document = pareto_table.document(rows, limits)
    assert (document["task"], document["chosen"]) == ("regression", "baseline-int8")
    told = pareto_table.metrics(document, limits)
    assert told["r2"] == 0.895 and "accuracy" not in told
