"""Numbers and anomalies through the whole chain, by the real CLI, on real data."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_diabetes
from sklearn.metrics import mean_absolute_error, r2_score, roc_auc_score

from pipeline.data.spec import read_spec
from pipeline.inference.interpreter import LiteModel
from pipeline.reproduce.tolerance import flat_metrics, rule_of
from pipeline.tasks.metric import metric_of
from tests.conftest import Answer, Project
from tests.helpers.cases import chosen

REST = """\
tune: {trials: 1, epochs: 2, finalists: 1}
train: {epochs: 8}
distill: {epochs: 4, replicates: 1, width: 0.5}
compress:
  sources: [student]
  recipes: [int8, "prune(0.5) | pqat"]
  epochs: 2
  budget: {max_drop: 0.9}
evaluate: {resamples: 100, examples: 50}
"""
TEXT = {
    "r2": """\
seed: 3
data: {source: "sklearn:diabetes", task: regression}
augment: {policy: "jitter(0.05)"}
""",
    "auc": """\
seed: 3
data: {source: "sklearn:digits", task: anomaly_detection, normal: ["0", "1"]}
augment: {policy: "shift(1)"}
""",
}
FALSE = [
    "accuracy",
    "points",
    "classes",
    "recall",
    "confusion",
    "attack",
    "flips",
    "macro",
    "McNemar",
    "ECE",
]


@dataclass(frozen=True)
class Whole:
    """A finished experiment of one task."""

    key: str
    project: Project
    answer: Answer

    def path(self, name: str) -> Path:
        return self.project.small / name

    def read(self, name: str):
        return json.loads(self.path(name).read_text())

    def split(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        return tuple(np.load(self.path(f"data/{name}_{end}.npy")) for end in "xy")

    @property
    def spec(self):
        return read_spec(self.path("data"))

    def outputs(self, x: np.ndarray) -> np.ndarray:
        return LiteModel(self.path("compress/best.tflite"), self.spec).logits(x)

    def chosen(self, name: str, rows: str) -> dict:
        document = self.read(name)
        return next(r for r in document[rows] if r["id"] == document["chosen"])


@pytest.fixture(scope="module", params=chosen(TEXT, []))
def whole(request, tmp_path_factory) -> Whole:
    made = Project(tmp_path_factory.mktemp(request.param))
    made.write(TEXT[request.param] + REST)
    return Whole(request.param, made, made.run("run"))


def test_the_run_ends_with_a_verdict_in_the_measure_of_the_task(whole):
    assert whole.answer.code == 0, whole.answer.err
    shown = whole.project.run("show")
    assert shown.code == 0, shown.err
    name = {"r2": "R2", "auc": "AUC"}[whole.key]
    end = shown.out[shown.out.index("\nchosen") :]
    assert re.search(rf"on test \([+-]\d\.\d{{3}} {name}, 95 % interval", end)
    told = whole.answer.out + shown.out
    assert not [word for word in FALSE if word in told]


def test_a_tolerance_rule_names_every_metric(whole):
    paths = sorted(whole.project.small.glob("*/metrics.json"))
    assert len(paths) == 8
    for path in paths:
        metrics = json.loads(path.read_text())
        names = flat_metrics(metrics, path.parent.name)
        assert [name for name in names if rule_of(name) is None] == []


def test_every_file_has_the_measure_where_accuracy_stands(whole):
    names = "compress/pareto.json compress/ledger.json evaluate/evaluation.json "
    names += "evaluate/robustness.json report/summary.json compress/metadata.json"
    for name in names.split():
        text = whole.path(name).read_text()
        assert "accuracy" not in text, name
        assert f'"{whole.key}"' in text or name.endswith("metadata.json"), name
    header = whole.path("compress/pareto.csv").read_text().splitlines()[0].split(",")
    assert whole.key in header and "accuracy" not in header
    absent = ("evaluate/flips.json", "evaluate/confusion.png", "compress/labels.txt")
    assert not [name for name in absent if whole.path(name).exists()]


def test_the_scores_are_those_of_the_file_dequantised(whole):
    for split, name, rows in (
        ("validation", "compress/pareto.json", "points"),
        ("test", "evaluate/evaluation.json", "variants"),
    ):
        x, y = whole.split(split)
        row, spec = whole.chosen(name, rows), whole.spec
        assert "int8" in row["recipe"] or "pqat" in row["recipe"]
        told = metric_of(spec).of(whole.outputs(x), spec.to_input(x), y)
        assert row[whole.key] == pytest.approx(told, abs=1e-9)
        low, high = row["drop_interval"]
        assert low <= row["drop"] + 1e-6 and row["drop"] - 1e-6 <= high


def test_the_budget_is_met_at_the_upper_end_of_the_interval(whole):
    point = whole.chosen("compress/pareto.json", "points")
    assert point["drop_interval"][1] <= 0.9
    golden = np.load(whole.path(f"compress/golden/{point['id']}.npz"))
    assert golden["outputs"].dtype == np.int8


def test_page_and_card_say_nothing_of_classes(whole):
    page = whole.path("report/index.html").read_text()
    page = re.sub(r"<(script|style).*?</\1>|<pre.*?</pre>", "", page, flags=re.DOTALL)
    card = whole.path("report/model_card.md").read_text()
    for text in (page, card):
        told = re.sub(r"Not measured: .*|`[^`]*`", "", text)
        assert not [word for word in FALSE if re.search(rf"\b{word}\b", told)]
        assert {"r2": "R2", "auc": "AUC"}[whole.key] in told
    sections = re.findall(r'<section id="(\w+)"', page)
    own = {"r2": "errors", "auc": "anomalies"}[whole.key]
    others = {"classes", "prediction_changes", "calibration"}
    assert own in sections and not others & {*sections}


def test_robustness_is_in_the_measure_and_attacks_are_left_out_with_a_reason(whole):
    document = whole.read("evaluate/robustness.json")
    assert {row["kind"] for row in document["conditions"]} == {"corruption"}
    assert any(reason.startswith("fgsm, pgd: ") for reason in document["absent"])
    row = whole.chosen("evaluate/evaluation.json", "variants")
    scores = [each[whole.key][row["id"]] for each in document["conditions"]]
    assert row[f"corrupted_{whole.key}"] == pytest.approx(np.mean(scores))


def raw_test(whole: Whole) -> np.ndarray:
    """The test examples as they are in the source."""
    at = np.load(whole.path("data/splits.npz"))["test_index"]
    return (
        load_diabetes(scaled=False).data[at]
        if whole.key == "r2"
        else whole.split("test")[0]
    )


@pytest.fixture(scope="module")
def predicted(whole, tmp_path_factory) -> list[dict]:
    path = tmp_path_factory.mktemp("raw") / "raw.npy"
    np.save(path, raw_test(whole))
    answer = whole.project.cli("predict", "small", str(path), "--json")
    assert answer.code == 0, answer.err
    return json.loads(answer.out)


def test_predict_tells_what_evaluate_measured(whole, predicted):
    row, y = (
        whole.chosen("evaluate/evaluation.json", "variants"),
        whole.split("test")[1],
    )
    if whole.key == "r2":
        at = np.load(whole.path("data/splits.npz"))["test_index"]
        true, said = load_diabetes().target[at], [one["number"] for one in predicted]
        assert mean_absolute_error(true, said) == pytest.approx(row["mae"], rel=1e-4)
        assert r2_score(true, said) == pytest.approx(row["r2"], abs=1e-4)
        assert {one["name"] for one in predicted} == {whole.spec.target["name"]}
    else:
        scores = [one["score"] for one in predicted]
        assert roc_auc_score(y, scores) == pytest.approx(row["auc"])
        odd = np.array([one["anomaly"] for one in predicted])
        assert odd[y == 1].mean() == pytest.approx(row["found"])
        assert odd[y == 0].mean() == pytest.approx(row["false_alarms"])
        point = whole.chosen("compress/pareto.json", "points")
        assert predicted[0]["threshold"] == row["threshold"] == point["threshold"]


def test_the_code_of_the_card_says_the_same(whole, predicted, monkeypatch):
    monkeypatch.chdir(whole.project.small)
    card = whole.path("report/model_card.md").read_text()
    names: dict = {}
    exec(re.search("```python\n(.*?)```", card, re.DOTALL).group(1), names)
    stored = whole.split("test")[0][:5]
    call, key = {"r2": ("predict", "number"), "auc": ("score", "score")}[whole.key]
    said = [names[call](each) for each in stored]
    assert said == pytest.approx([one[key] for one in predicted[:5]], rel=1e-4)


def test_what_the_output_means_stands_in_the_kit(whole):
    header = whole.path("compress/kit/model_data.h").read_text()
    told = whole.read("compress/metadata.json")
    if whole.key == "r2":
        assert told["target"] == whole.spec.target
        assert f"#define MODEL_DATA_MEAN {told['target']['mean']!r}" in header
    else:
        assert f"#define MODEL_DATA_THRESHOLD {told['threshold']!r}" in header
    assert "labels" not in header and "CLASSES" not in header


def test_compare_tells_the_measure_of_each(whole):
    answer = whole.project.cli("compare", "small", "small")
    assert answer.code == 0, answer.err
    assert {"r2": "test R2", "auc": "test AUC"}[whole.key] in answer.out
    assert not [word for word in FALSE if word in answer.out]
