from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest

from pipeline.data.artifact import Split
from pipeline.engine.errors import UserError
from pipeline.engine.jsonio import read_json
from pipeline.evaluate import stage
from pipeline.evaluate.params import EvaluateParams

PARAMS = EvaluateParams(resamples=200)
PROOF = """
import json, sys
from pathlib import Path
from pipeline.engine.stage import Inputs
from pipeline.evaluate import stage
from pipeline.evaluate.params import EvaluateParams
folders = {name: Path(path) for name, path in json.loads(sys.argv[1]).items()}
stage.run(EvaluateParams(resamples=100), Inputs(folders, 1), Path(sys.argv[2]))
print([name for name in ("tensorflow", "keras", "tf_keras") if name in sys.modules])
"""


def _run(published):
    metrics = stage.run(PARAMS, published.inputs(), published.out)
    rows = read_json(published.out / "evaluation.json")["variants"]
    return metrics, {row["recipe"]: row for row in rows}


def test_every_file_is_measured_on_the_test_split(published):
    metrics, rows = _run(published)
    assert rows["exact"]["accuracy"] == 1.0
    assert rows["careless"]["accuracy"] == 54 / 60
    assert rows["careless"]["flips_worse"] == 6
    assert rows["blind"]["recall"] == [0.0, 1.0, 0.0]
    assert metrics["headline"] == (
        "3 files on 60 test examples, baseline 1.000, chosen 0.900"
    )


def test_metrics_and_the_file_hold_the_same_accuracies(published):
    metrics, rows = _run(published)
    assert metrics["accuracy"] == {row["id"]: row["accuracy"] for row in rows.values()}


def test_a_row_says_how_the_file_takes_its_input(published):
    _, rows = _run(published)
    assert rows["exact"]["input"]["dtype"] == "float32"


def test_files_that_are_not_ok_are_left_out(published, make_point):
    gone = [
        make_point("blind", status="broken", reason="holds float"),
        make_point("odd", status="failed", file=None, reason="no memory"),
    ]
    published.write_pareto([make_point("exact"), *gone], chosen=None)
    metrics, rows = _run(published)
    assert list(rows) == ["exact"]
    assert metrics["headline"].endswith("baseline 1.000, nothing chosen")


def test_the_baseline_itself_can_be_the_chosen_one(published, make_point):
    published.write_pareto([make_point("exact")], chosen="baseline-exact")
    metrics, _ = _run(published)
    assert metrics["headline"].endswith("chosen 1.000")


def test_equal_inputs_give_equal_bytes(published):
    contents = []
    for _ in range(2):
        _run(published)
        names = ("evaluation.json", "confusion.png")
        contents.append([(published.out / name).read_bytes() for name in names])
    assert contents[0] == contents[1]


def test_a_class_that_is_missing_from_the_test_split_has_no_recall(
    published, make_examples
):
    split = make_examples(60, hard=0)
    kept = split.y != 2
    published.write_test(Split(split.x[kept], split.y[kept]))
    _, rows = _run(published)
    assert rows["exact"]["recall"] == [1.0, 1.0, None]
    assert rows["exact"]["macro_f1"] == 1.0


def test_an_empty_test_split_is_an_error(published):
    empty = Split(np.zeros((0, 2, 2, 1), np.uint8), np.zeros(0, np.int64))
    published.write_test(empty)
    with pytest.raises(UserError, match="the test split is empty"):
        _run(published)


def test_a_file_for_other_examples_is_refused(published, make_tflite):
    published.write_model("blind", make_tflite(np.eye(3, 9), (3, 3, 1)))
    with pytest.raises(UserError, match=r"baseline-blind.*\(3, 3, 1\).*\(2, 2, 1\)"):
        _run(published)


def test_a_file_for_other_classes_is_refused(published, make_tflite):
    published.write_model("blind", make_tflite(np.eye(4), (2, 2, 1)))
    with pytest.raises(UserError, match="baseline-blind.*4.*3 classes"):
        _run(published)


def test_a_file_that_was_deleted_is_named(published):
    (published.variants / "baseline-blind.tflite").unlink()
    with pytest.raises(UserError, match="baseline-blind.tflite"):
        _run(published)


def test_tensorflow_is_not_imported(published):
    folders = {name: str(path) for name, path in published.folders.items()}
    command = [sys.executable, "-c", PROOF, json.dumps(folders), str(published.out)]
    answer = subprocess.run(command, capture_output=True, text=True)
    assert answer.stdout.strip() == "[]", answer.stderr
