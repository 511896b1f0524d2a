"""pareto.json: rows compared with the float baseline."""

from __future__ import annotations

import csv
import json
from dataclasses import replace

import pytest

from pipeline.compress.params import Budget
from pipeline.compress.selection import pareto_table
from pipeline.compress.selection.budget import Limits
from pipeline.compress.selection.pareto_table import limits_of
from pipeline.compress.selection.point import VariantRow, points_of
from pipeline.core.errors import UserError


def row(id: str, accuracy: float | None, size: int | None, **values) -> VariantRow:
    source, _, recipe = id.partition("-")
    usual = {
        "status": "ok",
        "file": f"variants/{id}.tflite",
        "metrics": {"accuracy": accuracy},
        "bytes_flash": size,
        "bytes_gzip": size,
        "bytes_raw": size and 2 * size,
        "operators": {"CONV_2D": 2, "MEAN": 1},
    }
    return VariantRow(id, source, recipe, **{**usual, **values})


def document(rows: list[VariantRow], limits: Limits | None = None) -> dict:
    limits = limits or limits_of(Budget())
    return pareto_table.document(pareto_table.compare(rows, limits), limits)


def metrics(rows: list[VariantRow], limits: Limits) -> dict:
    return pareto_table.metrics(pareto_table.compare(rows, limits), limits)


BASELINE = row("baseline-float", 0.98, 1000)
INT8 = row("baseline-int8", 0.975, 300)
FAILED = row("student-qat", None, None, status="failed", reason="no memory", file=None)
BROKEN = row("student-int8", 0.98, 10, status="broken", reason="float inside")


def test_the_document_names_the_choice_and_compares_every_row():
    pareto = document([BASELINE, INT8, FAILED, BROKEN])
    points = {point["id"]: point for point in pareto["points"]}
    assert pareto["chosen"] == "baseline-int8"
    assert points["baseline-int8"]["drop"] == pytest.approx(0.005)
    assert points["student-qat"]["drop"] is None
    flags = [point["dominated"] for point in pareto["points"]]
    assert flags == [False, False, True, True]


def test_a_point_is_read_back_as_it_was_written():
    points = pareto_table.compare([BASELINE, INT8, FAILED], limits_of(Budget()))
    pareto = {"points": [json.loads(json.dumps(point.to_json())) for point in points]}
    assert points_of(pareto) == points
    assert (
        pareto["points"][1]["accuracy"] == 0.975
        and "metrics" not in pareto["points"][1]
    )


def test_the_order_of_the_rows_is_kept():
    names = [point["id"] for point in document([INT8, FAILED, BASELINE])["points"]]
    assert names == ["baseline-int8", "student-qat", "baseline-float"]


@pytest.mark.parametrize("size_metric", ["flash", "gzip", "raw"])
def test_the_size_metric_of_the_budget_decides(size_metric):
    heavy = row("student-int8", 0.98, 200, bytes_raw=5000, bytes_flash=6000)
    limits = limits_of(Budget(size_metric=size_metric))
    pareto = document([BASELINE, INT8, heavy], limits)
    smallest = {"gzip": "student-int8"}
    assert pareto["chosen"] == smallest.get(size_metric, "baseline-int8")
    assert pareto["size_metric"] == pareto["budget"]["size_metric"] == size_metric


def test_nothing_within_the_budget_is_published_and_the_nearest_named():
    limits = limits_of(Budget(max_drop=0.01, max_bytes=290))
    summary = metrics([BASELINE, INT8], limits)
    pareto = document([BASELINE, INT8], limits)
    assert pareto["chosen"] is summary["chosen"] is summary["bytes_flash"] is None
    assert summary["headline"].endswith(
        "nearest baseline | int8, 0.3 kB flash: bytes flash 300 (allowed: 290)"
    )


def test_the_metrics_count_the_variants_per_status():
    summary = metrics([BASELINE, INT8, FAILED, BROKEN], limits_of(Budget()))
    assert summary["variants"] == {"ok": 2, "broken": 1, "failed": 1}
    assert summary["ratio"] == 3.33
    assert summary["headline"] == "4 variants, chosen baseline | int8 at 0.3 kB flash"


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([replace(FAILED, id="baseline-float")], "none of the 1 variant "),
        ([replace(BASELINE, status="broken", reason="Flex"), INT8], "is broken: Flex"),
    ],
)
def test_without_a_baseline_there_is_nothing_to_publish(rows, words):
    with pytest.raises(UserError, match=words):
        pareto_table.compare(rows, limits_of(Budget()))


def test_the_table_is_written_twice_with_equal_content(tmp_path):
    pareto = document([BASELINE, FAILED])
    pareto_table.write(tmp_path, pareto)
    assert json.loads((tmp_path / "pareto.json").read_text()) == pareto
    with (tmp_path / "pareto.csv").open(newline="") as file:
        lines = list(csv.DictReader(file))
    assert [line["id"] for line in lines] == ["baseline-float", "student-qat"]
    assert lines[0]["operators"] == "CONV_2D 2; MEAN 1"
    assert (lines[1]["accuracy"], lines[1]["reason"]) == ("", "no memory")


def test_another_task_has_its_metric_in_the_place_of_accuracy():
    rows = [
        replace(BASELINE, metrics={"r2": 0.9}),
        replace(INT8, metrics={"r2": 0.895}, bytes_flash=30),
    ]
    limits = limits_of(Budget(), "regression")
    pareto = document(rows, limits)
    assert (pareto["task"], pareto["chosen"]) == ("regression", "baseline-int8")
    summary = metrics(rows, limits)
    assert summary["r2"] == 0.895 and "accuracy" not in summary
