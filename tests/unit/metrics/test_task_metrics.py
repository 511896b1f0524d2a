"""The measures agree with scikit-learn's, and say what is best and worst."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, r2_score, roc_auc_score

from pipeline.core.errors import UserError
from pipeline.data.spec import TaskSpec
from pipeline.tasks.metric import metric_of
from pipeline.tasks.registry import TASKS, get
from tests.helpers.bare_task import BARE

RNG = np.random.default_rng(4)


def test_accuracy_is_the_usual_one():
    logits, y = RNG.normal(size=(50, 4)), RNG.integers(0, 4, 50)
    received = get("classification").part("metric").of(logits, logits, y)
    assert received == pytest.approx(accuracy_score(y, logits.argmax(1)))


@pytest.mark.parametrize("shape", [(50,), (50, 1)])
def test_r2_is_the_usual_one(shape):
    outputs, y = RNG.normal(size=shape), RNG.normal(size=50).astype(np.float32)
    received = get("regression").part("metric").of(outputs, outputs, y)
    assert received == pytest.approx(r2_score(y, outputs.reshape(50)))


def test_r2_is_one_for_the_truth_and_zero_for_the_mean():
    y, of = RNG.normal(size=30), get("regression").part("metric").of
    assert of(y[:, None], y, y) == 1
    assert of(np.full((30, 1), y.mean()), y, y) == pytest.approx(0)


@pytest.mark.parametrize("digits", [8, 1])
def test_auc_is_the_usual_one_ties_included(digits):
    inputs, y = RNG.normal(size=(60, 3, 3)), RNG.integers(0, 2, 60)
    outputs = inputs + np.round(RNG.uniform(size=60), digits)[:, None, None]
    measure = get("anomaly_detection").part("metric")
    error = measure.evidence(outputs, inputs, y)
    assert measure.of(outputs, inputs, y) == pytest.approx(roc_auc_score(y, error))


def test_auc_of_one_kind_alone_says_nothing():
    inputs = RNG.normal(size=(5, 2))
    assert (
        get("anomaly_detection").part("metric").of(inputs + 1, inputs, np.zeros(5))
        == 0.5
    )


@pytest.mark.parametrize(
    ("task", "key", "said"),
    [
        ("classification", "accuracy", "+1.20 points"),
        ("regression", "r2", "+0.0120 R2"),
        ("anomaly_detection", "auc", "+0.0120 AUC"),
        ("next_token", "bits_per_character", "+0.0120 bits per character"),
    ],
)
def test_a_measure_has_a_key_and_tells_changes_in_its_own_unit(task, key, said):
    measure = metric_of(TaskSpec("x", "x:x", (2,), "float32", (), task=task))
    assert (measure.key, measure.metric.change(0.012, 2)) == (key, said)
    assert measure.metric.change(-0.012).startswith("-")


def test_a_task_without_a_measure_is_refused(own_modules):
    (own_modules / "bare.py").write_text(BARE)
    spec = TaskSpec("x", "x:x", (2,), "float32", (), task="bare:TASK")
    with pytest.raises(UserError, match="x:x: task bare:TASK has no metric.*choose cl"):
        metric_of(spec)


BOX = np.float32([1, 0.1, 0.1, 0.6, 0.6])  # a class and the ends of a box


# The evidence of an agent needs its model, see tests/unit/tasks/test_policy.py.
@pytest.mark.parametrize("task", [t for t in TASKS if not get(t).interactive])
def test_evidence_made_in_parts_is_the_evidence(task):
    inputs, y = RNG.normal(size=(40, 3)), RNG.integers(0, 2, 40)
    outputs = inputs + RNG.normal(size=(40, 3))
    outputs = outputs[:, :1] if task == "regression" else outputs
    if get(task).degrades:
        outputs, y = RNG.random((40, 2, 2, 3)), RNG.integers(0, 255, (40, 2, 2, 3))
    elif get(task).dense:
        outputs, y = RNG.normal(size=(40, 2, 2, 3)), RNG.integers(0, 2, (40, 2, 2))
    if get(task).labels == "boxes":
        outputs, y = RNG.normal(size=(40, 2, 2, 7)), np.tile(BOX, (40, 1, 1))
    spec = TaskSpec("x", "x:x", (3,), "float32", (), task=task)
    if get(task).labels == "series":
        scale = {"mean": [0.0], "deviation": [1.0], "anchor": "none"}
        target = {"names": ["a"], "horizon": 3, "quantiles": [], **scale}
        spec, y = replace(spec, target=target), RNG.normal(size=(40, 9))
    if get(task).ranks:
        y = y[:, None]
    if get(task).per_step:
        inputs, outputs = RNG.integers(2, 5, (40, 3)), RNG.normal(size=(40, 3, 5))
    measure = metric_of(spec)
    parts = [
        measure.evidence(outputs[a], inputs[a], y[a])
        for a in np.split(np.arange(40), 4)
    ]
    whole = measure.of(outputs, inputs, y)
    assert measure.value(np.concatenate(parts), y) == whole
