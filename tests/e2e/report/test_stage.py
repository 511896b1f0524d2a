from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
import sys

import pytest

from pipeline.core.json_io import read_json
from pipeline.report import formatting, model_card, plotly_script, stage
from pipeline.report.params import ReportParams
from pipeline.results import summary as verdict
from pipeline.tasks.registry import get
from tests.helpers.published import record

CLASSES = get("classification").metric
FILES = {
    "index.html",
    "model_card.md",
    "frontier.png",
    "summary.json",
    plotly_script.NAME,
}
PROOF = """
import json, sys
from pathlib import Path
from pipeline.engine.stage import Inputs
from pipeline.report import stage
from pipeline.report.params import ReportParams
folders = {name: Path(path) for name, path in json.loads(sys.argv[1]).items()}
stage.run(ReportParams(), Inputs(folders, 1), Path(sys.argv[2]))
print([name for name in ("tensorflow", "keras", "tf_keras") if name in sys.modules])
"""


def _run(published, title=""):
    return stage.run(ReportParams(title=title), published.inputs(), published.out)


@pytest.fixture(scope="module")
def reported(publish, tmp_path_factory):
    """An experiment that was reported once: read only."""
    published = publish(tmp_path_factory.mktemp("reported"))
    published.metrics = _run(published)
    return published


def test_the_files_are_written(reported):
    assert {path.name for path in reported.out.iterdir()} == FILES
    assert reported.metrics["headline"] == "3.0 kB gzip, 10.0x smaller"


def test_a_title_stands_on_page_and_card(published):
    _run(published, title="Toys for all")
    assert "<h1>Toys for all</h1>" in (published.out / "index.html").read_text()
    assert (published.out / "model_card.md").read_text().startswith("# Toys for all\n")


def _summary(published, tmp_path):
    """The summary as `show` reads it: from a stage with its record."""
    folder = tmp_path / "recorded" / published.folder.name
    shutil.copytree(published.folder, folder)
    record(folder / "report")
    return verdict.read(folder)


def test_page_card_and_terminal_tell_the_same_numbers(reported, tmp_path):
    told = verdict.text(reported.folder, _summary(reported, tmp_path))
    end = told[told.index("\nchosen") :]
    pattern = r"\d+\.\d kB|\d\.\d{3}(?: ms)?|[+-]\d+\.\d"
    numbers = re.findall(pattern, end)
    assert numbers == ["3.0 kB", "0.965", "-1.5", *numbers[3:5], "0.012 ms"]
    texts = {"index.html": told, "model_card.md": end}
    for name, words_of_terminal in texts.items():
        text = (reported.out / name).read_text()
        numbers = re.findall(pattern, words_of_terminal)
        assert [number for number in numbers if number not in text] == []


def test_page_and_card_tell_what_evaluate_measured(reported):
    rows = read_json(reported.folders["evaluate"] / "evaluation.json")["variants"]
    for name in ("index.html", "model_card.md"):
        text = (reported.out / name).read_text()
        for row in rows:
            assert formatting.accuracy(row["accuracy"]) in text
            assert formatting.span(row["accuracy_interval"]) in text
            assert formatting.change(row, CLASSES) in text
            assert formatting.span_of(row, CLASSES) in text


NUMBERS = [
    "macro_f1",
    "auc",
    "nll",
    "brier",
    "ece",
    "ece_scaled",
    "agreement",
    "kl",
    "corrupted_accuracy",
]


def test_every_metric_is_the_same_number_in_the_file_the_page_and_the_card(reported):
    """One source: what evaluate wrote, formatted by one function."""
    rows = read_json(reported.folders["evaluate"] / "evaluation.json")["variants"]
    page = (reported.out / "index.html").read_text()
    text = (reported.out / "model_card.md").read_text()
    charts = json.loads(
        html.unescape(page.partition('id="chart-data">')[2].partition("</script>")[0])
    )
    points = {point["id"]: point for point in charts["frontier"]["points"]}
    for row in rows:
        _, _, sheet = page.partition(f'id="detail-{row["id"]}"')
        sheet = sheet[: sheet.index("</details>")]
        (line,) = (x for x in text.splitlines() if _is_of(row, x) and "KL" not in x)
        for name in NUMBERS:
            assert f">{formatting.accuracy(row[name])}<" in sheet.replace("\n", ""), (
                name
            )
            if name != "macro_f1":
                assert f"| {formatting.accuracy(row[name])} |" in line, name
        assert points[row["id"]]["metrics"]["accuracy"] == row["accuracy"]
        assert f"{formatting.accuracy(row['accuracy'])} on test" in str(
            points[row["id"]]
        )


def _is_of(row, line: str) -> bool:
    """The line of a variant in the card's table of twelve columns."""
    cells = re.split(r"(?<!\\)\|", line)
    return len(cells) == 14 and cells[1].strip() == model_card.escape(
        formatting.name(row)
    )


def test_the_summary_repeats_the_chosen_row_of_evaluate(reported):
    chosen = read_json(reported.out / "summary.json")["chosen"]
    rows = read_json(reported.folders["evaluate"] / "evaluation.json")["variants"]
    row = next(row for row in rows if row["id"] == "student-int8")
    assert chosen.items() >= row.items()
    assert (chosen["ratio"], chosen["latency_ms"]) == (10.0, 0.0124)


def test_headline_and_terminal_can_tell_that_nothing_was_chosen(
    nothing_chosen, tmp_path
):
    assert _run(nothing_chosen)["headline"] == "no file meets the budget"
    summary = _summary(nothing_chosen, tmp_path)
    assert verdict.exit_code(summary) == 3
    assert "student | int8" in verdict.text(nothing_chosen.folder, summary)


def test_equal_inputs_give_equal_bytes(published):
    contents = []
    for _ in range(2):
        _run(published)
        contents.append([(published.out / name).read_bytes() for name in sorted(FILES)])
    assert contents[0] == contents[1]


def test_tensorflow_is_not_imported(published):
    folders = {name: str(path) for name, path in published.folders.items()}
    command = [sys.executable, "-c", PROOF, json.dumps(folders), str(published.out)]
    answer = subprocess.run(command, capture_output=True, text=True)
    assert answer.stdout.strip() == "[]", answer.stderr
