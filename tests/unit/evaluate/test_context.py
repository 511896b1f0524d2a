"""A file on the test split: what it predicts, and the evidence of its metric."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from pipeline.data.artifact import Data, Split
from pipeline.data.spec import TaskSpec
from pipeline.evaluate import context
from pipeline.tasks.metric import metric_of
from pipeline.tasks.registry import task_of

COUNT = 70  # more than a batch of the evaluations that run in batches
DETAILS = {"quantization": (0.0, 0), "dtype": np.float32}
TARGET = {"name": "y", "mean": 2.0, "deviation": 3.0}
SPECS = {
    "classification": {"classes": ("a", "b", "c")},
    "regression": {"classes": (), "target": TARGET},
    "anomaly_detection": {"classes": ("normal", "odd")},
    "segmentation": {"classes": ("a", "b", "c")},
    "embedding": {"classes": ("a", "b", "c")},
    "restoration": {"classes": (), "target": {"shape": [8, 8, 1]}},
}


class Model:
    """A file whose outputs depend on its inputs; counts the examples that it ran."""

    def __init__(self, path: Path, spec: TaskSpec, threads: int):
        self.spec, self.single = spec, SimpleNamespace(input=DETAILS, output=DETAILS)
        self.ran = 0

    def logits(self, raw: np.ndarray) -> np.ndarray:
        return self.predict(self.spec.to_input(raw))

    def predict(self, inputs: np.ndarray) -> np.ndarray:
        self.ran += len(inputs)
        shape = (len(inputs), *task_of(self.spec).output_shape(self.spec))
        sums = np.cos(inputs.reshape(len(inputs), -1).sum(axis=1))
        outputs = np.cos(np.arange(np.prod(shape[1:])) * sums[:, None])
        return outputs.reshape(shape).astype(np.float32)


@pytest.mark.parametrize("task", SPECS)
def test_a_file_runs_once_on_each_example_for_predictions_and_evidence(
    task, monkeypatch, tmp_path
):
    models: list[Model] = []
    monkeypatch.setattr(
        context,
        "BatchModel",
        lambda *args: models.append(Model(*args)) or models[-1],
    )
    spec = TaskSpec("toy", "x:toy", (4, 4, 1), "uint8", task=task, **SPECS[task])
    x, y = examples(task)
    evaluation = context.EvaluationContext(
        Data(tmp_path, spec), Split(x, y), Split(x[:0], y[:0]), threads=1
    )
    file = evaluation.evaluate(tmp_path / "a.tflite", {"threshold": 0.5})
    (model,) = models
    assert model.ran == COUNT
    expected = metric_of(spec).evidence(model.logits(x), spec.to_input(x), y)
    assert np.array_equal(file.evidence, expected)


def examples(task: str) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    x = rng.integers(0, 256, (COUNT, 4, 4, 1), np.uint8)
    if task == "segmentation":
        return x, rng.integers(0, 3, (COUNT, 4, 4)).astype(np.uint8)
    if task == "restoration":
        return x, rng.integers(0, 256, (COUNT, 8, 8, 1)).astype(np.uint8)
    y = rng.integers(0, 2, COUNT)
    return x, y.astype(np.float32) if task == "regression" else y
