"""What the tests of every task read from a finished chain."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np

from pipeline.data.spec import TaskSpec, read_spec
from pipeline.inference.interpreter import LiteModel
from pipeline.reproduce.tolerance import flat_metrics, rule_of
from pipeline.tasks.metric import metric_of
from tests.helpers.project import Project


@dataclass(frozen=True)
class ChosenFile:
    """The chosen file, the test split, and what the chain published about both.

    Args:
        spec: signature of the data.
        model: the file.
        x, y: the test split as stored.
        evaluation: evaluation.json.
    """

    spec: TaskSpec
    model: LiteModel
    x: np.ndarray
    y: np.ndarray
    evaluation: dict[str, Any]

    @property
    def row(self) -> dict[str, Any]:
        """The file's row of evaluation.json."""
        rows = {row["id"]: row for row in self.evaluation["variants"]}
        return rows[self.evaluation["chosen"]]

    def metric(self) -> float:
        """The task's metric on the test split, computed from the file."""
        x, outputs = self.spec.to_input(self.x), self.model.logits(self.x)
        return metric_of(self.spec).of(outputs, x, self.y)


def read(project: Project, name: str) -> Any:
    """A JSON file of the experiment."""
    return json.loads((project.small / name).read_text())


def chosen_file(project: Project) -> ChosenFile:
    """Open the chosen file of a finished chain."""
    spec = read_spec(project.small / "data")
    model = LiteModel(project.small / "compress/best.tflite", spec)
    x, y = (np.load(project.small / f"data/test_{end}.npy") for end in "xy")
    return ChosenFile(spec, model, x, y, read(project, "evaluate/evaluation.json"))


def metrics_without_a_rule(project: Project) -> list[str]:
    """Names of metrics of all stages that no rule of tolerance names."""
    names = [
        name
        for path in sorted(project.small.glob("*/metrics.json"))
        for name in flat_metrics(json.loads(path.read_text()), path.parent.name)
    ]
    assert names
    return [name for name in names if rule_of(name) is None]
