"""compare: results side by side, what explains them, and a page that runs nothing."""

from __future__ import annotations

import json
import shutil

import pytest

from pipeline.core.json_io import read_json, write_json
from pipeline.reproduce.snapshot import of_run
from pipeline.results import comparison
from pipeline.tasks.registry import get

TOLD = {
    "experiments": ["one", "two"],
    "results": [["chosen", "student | int8", "<script>alert(1)</script>"]],
    "differences": {
        "two": {"parameters": ["train.epochs 6 -> 9"], "data": [], "code": []}
        | {"environment": []}
    },
    "fingerprints": [["data", "abc", "def"]],
}


@pytest.fixture
def pair(copied):
    """Two experiments; the second one's training was told to take longer."""
    other = copied.small.parent / "other"
    shutil.copytree(copied.small, other)
    return copied, other


def test_equal_experiments_differ_in_nothing(pair):
    project, _ = pair
    answer = project.cli("compare", "small", "other")
    assert answer.code == 0, answer.err
    assert "nothing that results depend on differs" in answer.out
    rows = [line.split("  ") for line in answer.out.splitlines() if "accuracy" in line]
    assert rows


def test_results_and_differences_are_those_of_the_files(pair, tmp_path):
    project, other = pair
    record = read_json(other / "train" / "stage.json")
    record["parts"]["params"]["epochs"] = 9
    record["parts"]["code"]["pipeline.training.loop"] = "edited"
    write_json(other / "train" / "stage.json", _signed(record))
    page = tmp_path / "page.html"
    answer = project.cli("compare", "small", "other", "--json", "--html", str(page))
    told = json.loads(answer.out)
    kinds = told["differences"]["other"]
    assert kinds["parameters"] == ["train.epochs 6 -> 9"]
    assert kinds["code"] == ["pipeline.training.loop changed"]
    chosen = read_json(project.small / "report" / "summary.json")["chosen"]
    row = {row[0]: row[1:] for row in told["results"]}["test accuracy"]
    assert row == [f"{chosen['accuracy']:.3f}"] * 2
    assert "train.epochs 6 -&gt; 9" in page.read_text()
    prints = of_run(other, ("train",)).entries["train"].fingerprint
    assert any(row[0] == "train" and prints[:12] in row for row in told["fingerprints"])


def _signed(record):
    from pipeline.engine.stage_record import fingerprint

    return {**record, "fingerprint": fingerprint(record["parts"])}


def test_what_does_not_fit_is_refused(project):
    assert "needs at least two" in project.cli("compare", "small").err
    answer = project.cli("compare", "small", "smal")
    assert answer.code == 2 and 'did you mean "small"?' in answer.err
    answer = project.cli("compare", "small", "small")
    assert (
        answer.code == 2
        and "no result yet; run: python -m pipeline run --exp small" in answer.err
    )


def test_the_page_escapes_what_it_shows_and_lets_nothing_run():
    page = comparison.page(TOLD)
    assert "<script" not in page and "&lt;script&gt;" in page
    assert "default-src 'none'" in page


def test_columns_line_up():
    head, row, *_ = comparison.text(TOLD)
    assert head.index("two") == row.index("<script>")


@pytest.mark.parametrize(
    ("mae", "text"), [(0.000312345, "0.0003123"), (234_567.8, "234,568"), (None, "-")]
)
def test_an_error_is_told_as_the_report_tells_it(mae, text):
    cells = comparison.metric_figures(get("regression"))
    assert cells["mean absolute error"]({"chosen": {"mae": mae}}) == text
