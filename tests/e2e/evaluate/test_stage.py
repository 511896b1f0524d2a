from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from pipeline.core.errors import UserError
from pipeline.core.json_io import read_json
from pipeline.data.artifact import Split
from pipeline.data.spec import read_spec, write_spec
from pipeline.evaluate import stage
from pipeline.evaluate.params import EvaluateParams
from tests.helpers.bare_task import BARE

PARAMS = EvaluateParams(resamples=200, robustness=False)
ROBUST = EvaluateParams(resamples=100, examples=30)
PROOF = """
import json, sys
from pathlib import Path
from pipeline.engine.stage import Inputs
from pipeline.evaluate import stage
from pipeline.evaluate.params import EvaluateParams
folders = {name: Path(path) for name, path in json.loads(sys.argv[1]).items()}
params = EvaluateParams(resamples=100, examples=5)
stage.run(params, Inputs(folders, 1), Path(sys.argv[2]))
print([name for name in ("tensorflow", "keras", "tf_keras") if name in sys.modules])
"""


def _run(published, params=PARAMS):
    metrics = stage.run(params, published.inputs(), published.out)
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
        names = sorted(path.name for path in published.out.iterdir())
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


def _read(published, name):
    return read_json(published.out / f"{name}.json")


@pytest.fixture(scope="module")
def tried(publish, tmp_path_factory):
    """An evaluation with corruptions: read only."""
    published = publish(tmp_path_factory.mktemp("tried"))
    _, published.rows = _run(published, ROBUST)
    return published


def test_the_subset_is_recorded_and_no_larger_than_asked(tried):
    robust = _read(tried, "robustness")
    assert robust["examples"] == len(set(robust["positions"])) == 30
    assert robust["positions"] == sorted(robust["positions"])
    assert max(robust["positions"]) < 60
    assert {row["name"] for row in robust["conditions"]} >= {"noise", "rotate"}
    assert len(robust["conditions"]) == 7 * 5


def test_corrupted_accuracy_is_the_mean_over_the_conditions(tried):
    robust, row = _read(tried, "robustness"), tried.rows["exact"]
    values = [each["accuracy"]["baseline-exact"] for each in robust["conditions"]]
    assert row["corrupted_accuracy"] == pytest.approx(np.mean(values))
    assert row["corrupted_accuracy"] < row["subset_accuracy"]
    assert row["attacked_accuracy"] is None


def test_why_there_is_no_attack_is_said(tried):
    (reason,) = _read(tried, "robustness")["absent"]
    assert reason == "fgsm, pgd: model.keras of the baseline is missing"


def test_results_do_not_depend_on_the_number_of_workers(tried, tmp_path):
    params = ROBUST.model_copy(update={"workers": 3})
    stage.run(params, tried.inputs(), tmp_path)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == sorted(path.name for path in tried.out.iterdir())
    for name in names:
        assert (tmp_path / name).read_bytes() == (tried.out / name).read_bytes()


def test_robustness_can_be_left_out(published):
    _run(published)
    robust = _read(published, "robustness")
    assert robust["conditions"] == []
    assert robust["absent"] == ["all: evaluate.robustness is false"]


def test_temperature_is_fitted_on_validation(published, make_examples):
    _, before = _run(published)
    published.write_test(make_examples(40, hard=39, seed=1), "validation")
    _, after = _run(published)
    name = "careless"
    assert after[name]["temperature"] > before[name]["temperature"]
    assert after[name]["nll"] == before[name]["nll"]
    assert after[name]["nll_scaled"] != before[name]["nll_scaled"]


def test_bins_of_a_reliability_diagram_hold_every_example(published):
    _run(published)
    for diagrams in _read(published, "calibration")["variants"].values():
        for bins in diagrams.values():
            assert sum(one["count"] for one in bins) == 60


def test_flips_are_listed_with_a_tile_each(published):
    _run(published)
    flips = _read(published, "flips")
    assert flips["flipped"] == len(flips["examples"]) == 6
    assert {one["after"] for one in flips["examples"]} == {0}
    assert all(one["before"] == one["true"] for one in flips["examples"])
    with Image.open(published.out / "flips.png") as picture:
        assert picture.size == (6 * flips["tile"], flips["tile"])


def test_another_task_is_refused(published, own_modules):
    (own_modules / "bare.py").write_text(BARE)
    spec = read_spec(published.folders["data"])
    write_spec(published.folders["data"], replace(spec, task="bare:TASK"))
    with pytest.raises(UserError, match="bare.TASK.*has no metric"):
        _run(published)


def test_tensorflow_is_not_imported(published):
    """So its processes are forked, where there is a GPU too."""
    folders = {name: str(path) for name, path in published.folders.items()}
    command = [sys.executable, "-c", PROOF, json.dumps(folders), str(published.out)]
    answer = subprocess.run(command, check=False, capture_output=True, text=True)
    assert answer.stdout.strip() == "[]", answer.stderr
