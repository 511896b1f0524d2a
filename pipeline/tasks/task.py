"""What distinguishes a task, in one place: its facts, and where its code is.

A `Task` holds facts and dotted paths; importing it imports no library, so that the
command line can ask it. Code that computes stands in the task's parts, one module for
each stage that needs it, which are imported on first use:

    part        object in it                        used by
    targets     tasks.targets.Targets               data
    metric      metrics.task_metrics.TaskMetric     tune, train, distill, compress,
                                                    evaluate, predict
    training    tasks.training.TaskTraining         tune, train, distill, compress
    export      tasks.export.TaskExport             compress
    evaluation  tasks.evaluation.Evaluator          evaluate
    prediction  tasks.prediction.TaskPrediction     predict
    report      tasks.report.TaskReport             report

An import is not visible in a dotted path, so `pipeline.tasks.registry.modules` names the
parts that a stage runs, and an edit of one part makes only these stages stale.

To add a task, see `docs/tasks.md`.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from pipeline.metrics.metric import Metric

PARTS = (
    *("targets", "metric", "training", "export"),
    *("evaluation", "prediction", "report"),
)


class Signature(Protocol):
    """The fields of spec.json that decide the shape of an output."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one example."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names; empty for numbers."""


@dataclass(frozen=True)
class Task:
    """A task.

    Args:
        name: in `data.task` and in spec.json; `module:object` of a user's own task.
        title: in text, such as `anomaly detection`.
        metric: the number that decides.
        labels: what readers take a source's labels for: class names, or numbers.
        target: what outputs are compared with: class numbers `(batch,)`, numbers
            `(batch, 1)`, or the model's own input.
        output: meaning of an output: one logit per class, `units` numbers, or the input
            reconstructed; `class_map` and `logits_per_step` are of builders alone.
        losses: names that `loss` may have; those that `pipeline.training.losses` does not
            know are the training part's own.
        default_loss: the loss where none is named.
        builder: the builder where none is named.
        not_applicable: dotted key of the experiment file -> why this task has no use for
            it; a value other than the default is refused with that reason.
        parts: part -> `module:object`.
        units: numbers per output.
        normal_classes: needs `data.normal`, and takes a source's other classes for
            anomalies.
        auxiliary_heads: other targets can be learned on the same features.
        attacks: why adversarial attacks do not apply; None where they do.
        chain: whether a data source can be of this task; others serve for models only.
    """

    name: str
    title: str
    metric: Metric
    labels: Literal["classes", "numbers"]
    target: Literal["class", "number", "input"]
    output: Literal["logits", "numbers", "input", "class_map", "logits_per_step"]
    losses: tuple[str, ...]
    default_loss: str
    builder: str
    parts: Mapping[str, str]
    not_applicable: Mapping[str, str] = field(default_factory=dict)
    units: int = 1
    normal_classes: bool = False
    auxiliary_heads: bool = True
    attacks: str | None = None
    chain: bool = True

    @property
    def predicts_classes(self) -> bool:
        """Outputs are logits, targets are class numbers or probabilities."""
        return self.target == "class"

    @property
    def reconstructs(self) -> bool:
        """Outputs are compared with the model's own input."""
        return self.target == "input"

    def output_shape(self, spec: Signature) -> tuple[int, ...]:
        """Shape of one example's output, without the batch."""
        shape, classes = tuple(spec.shape), len(spec.classes)
        shapes = {
            "logits": (classes,),
            "numbers": (self.units,),
            "class_map": (*shape[:-1], classes),
            "logits_per_step": (*shape, classes),
        }
        return shapes.get(self.output, shape)

    @property
    def output_name(self) -> str:
        """Name of a model's last layer."""
        return "logits" if self.predicts_classes else "prediction"

    def expects(self, spec: Signature) -> str:
        """The end of a sentence about data whose outputs a model does not have."""
        if self.predicts_classes:
            return f"has {len(spec.classes)} classes"
        return f"needs outputs of shape {self.output_shape(spec)}, for {self.title}"

    def refuses(self, key: str) -> str | None:
        """Why a dotted key of the experiment file does not apply; None if it does."""
        return self.not_applicable.get(key)

    def module(self, part: str) -> str:
        """The module of a part."""
        return self.parts[part].partition(":")[0]

    def part(self, name: str) -> Any:
        """The object of a part; imports its module on first use."""
        module, _, attribute = self.parts[name].partition(":")
        return getattr(importlib.import_module(module), attribute)


def parts_in(package: str) -> dict[str, str]:
    """The parts of a task whose modules bear their names: `report` is `report:REPORT`.

    Args:
        package: that has a module for each part.
    """
    return {part: f"{package}.{part}:{part.upper()}" for part in PARTS}
