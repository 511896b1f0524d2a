"""A task: all that distinguishes it from other tasks, in one place.

A `Task` holds facts and dotted paths; importing it imports no library, so that the
command line can use it. Code that computes is in the task's parts, one module per
purpose, which are imported on first use:

    part        object in it                        used by
    targets     tasks.targets.Targets               data
    metric      metrics.task_metrics.TaskMetric     tune, train, distill, compress,
                                                    evaluate, predict
    training    tasks.training.TaskTraining         tune, train, distill, compress
    export      tasks.export.TaskExport             compress
    evaluation  tasks.evaluation.Evaluator          evaluate
    prediction  tasks.prediction.TaskPrediction     predict
    report      tasks.report.TaskReport             report
    floor       tasks.floor.Floor                   train, distill, compress; optional
    overlay     tasks.overlay.Overlay               data, augment; for dense targets

Dotted paths are not visible as imports, so `pipeline.tasks.registry.modules` lists the
parts that a stage runs; an edit of one part makes only these stages stale.

To add a task, see `docs/tasks.md`.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from inspect import isfunction
from typing import Any, Literal, Protocol

from pipeline.metrics.metric import Metric

CELL, SIDES = 8, 4  # pixels per side of a cell, and distances per cell
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

    @property
    def target(self) -> Mapping[str, Any]:
        """Facts about targets: the scale of numbers, the `shape` of a clean image."""

    @property
    def vocabulary(self) -> int:
        """Number of token numbers of text; 0 for other data."""


Labels = Literal[
    "classes",
    "numbers",
    "maps",
    "images",
    "boxes",
    "series",
    "texts",
    "pairs",
    "interactions",
    "experience",
    "none",
]
Target = Literal[
    "class",
    "number",
    "numbers",
    "image",
    "input",
    "next",
    "pair",
    "boxes",
    "identity",
    "item",
]


@dataclass(frozen=True)
class Task:
    """Facts and parts of a task.

    Args:
        name: name in `data.task` and in spec.json; `module:object` for a user's own
            task.
        title: name in text, such as `anomaly detection`.
        metric: metric that models are compared by.
        labels: what readers take from a source: class names, numbers, a map per
            example, such as a mask, or boxes; `images`: clean images, of which the data
            stage makes degraded inputs; `series`: windows of numbers over time;
            `texts`, which are their own labels; `pairs`: a text and the text that it
            becomes; `interactions` of users with items, or triples; `experience`: what
            an agent did in an environment; with `none`, they read no labels.
        target: what outputs are compared with: class numbers `(batch,)`, a number
            `(batch, 1)`, rows of numbers `(batch, columns)`, an `image` of 0 .. 1, the
            model's own input, `next`: the input one step later; `pair`: the last tokens
            of the input, of which the model reads the ones before; boxes, see
            `pipeline.tasks.boxes`; `identity`: class numbers of which only equality
            counts, as the classes of each split are in no other one; or `item`: rows of
            the item to be ranked first and items that are not ranked.
        output: meaning of an output: one logit per class, `units` numbers, or the input
            reconstructed; `class_map`: one logit per class and pixel; `image`: an image
            of the target's shape; `cells`: a logit per class and four distances in each
            cell of a grid of any size; `vector`: any number of numbers, by default
            `units`; `forecast`: the numbers of future steps, see `forecast_size`;
            `logits_per_step`: one logit per token of the vocabulary and step;
            `logits_per_target`: the same for the steps of the text that an input
            becomes; `scores`: one per item of the target; `action_values`: one number
            per action of an environment; `any` is whatever an imported model returns.
        losses: allowed names of `loss`; names that are not in
            `pipeline.training.losses` are defined by the training part.
        default_loss: the loss unless the experiment names one.
        builder: the builder unless the experiment names one.
        builders: modality -> the builder of data that `builder` cannot process; default
            none.
        not_applicable: dotted key of the experiment file -> why it does not apply; a
            value other than the default is refused with that reason. Default: all keys
            apply.
        parts: part -> `module:object`. The object of `metric`, `training` and `floor`
            may be a function of the `TaskSpec` that returns the part.
        units: numbers per output; default 1.
        normal_classes: requires `data.normal`, and treats the other classes of a source
            as anomalies; default False.
        auxiliary_heads: other targets can be learned on the same features; default
            True.
        attacks: why adversarial attacks do not apply; default None: they do.
        chain: a data source can have this task; False for tasks of builders only.
        other_metrics: further metrics that a budget can limit, computed by the metric
            part from the same evidence; default none.
        max_drop: the budget's maximum drop unless the experiment names one; default
            None: that of `compress.budget.max_drop`.
        guard: name of one of `other_metrics`, which the default budget limits where
            classes are unbalanced; default None.
        interactive: a model is trained and evaluated in an environment, where its
            outputs decide its next inputs; the data hold an example per episode for
            validation and test. Default False.
        training_only: name of a loss that fine-tuning in compress does not have -> why;
            default none.
    """

    name: str
    title: str
    metric: Metric
    labels: Labels
    target: Target
    output: Literal[
        "logits",
        "numbers",
        "input",
        "class_map",
        "image",
        "cells",
        "vector",
        "logits_per_step",
        "logits_per_target",
        "forecast",
        "scores",
        "action_values",
        "any",
    ]
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
    other_metrics: tuple[Metric, ...] = ()
    guard: str | None = None
    max_drop: float | None = None
    builders: Mapping[str, str] = field(default_factory=dict)
    training_only: Mapping[str, str] = field(default_factory=dict)
    interactive: bool = False

    @property
    def predicts_classes(self) -> bool:
        """True if outputs are logits, and targets class numbers or probabilities."""
        return self.target in ("class", "next", "pair")

    @property
    def dense(self) -> bool:
        """True if a target moves with x: a map, a clean image, or boxes."""
        return self.labels in ("maps", "images", "boxes")

    @property
    def has_boxes(self) -> bool:
        """True if a target is a list of boxes, see `pipeline.tasks.boxes`."""
        return self.labels == "boxes"

    @property
    def degrades(self) -> bool:
        """True if inputs are degraded images, and targets the clean ones."""
        return self.labels == "images"

    @property
    def reconstructs(self) -> bool:
        """True if outputs are compared with the model's own input."""
        return self.target == "input"

    @property
    def per_step(self) -> bool:
        """True if outputs are logits of the next token, one row per step."""
        return self.target in ("next", "pair")

    @property
    def generates(self) -> bool:
        """True if a text is continued, token by token, from any beginning."""
        return self.target == "next"

    @property
    def ranks(self) -> bool:
        """True if outputs are scores of items, of which one is to be the highest."""
        return self.target == "item"

    @property
    def unseen_classes(self) -> bool:
        """True if a class is in one split only, so that others are recognized."""
        return self.target == "identity"

    def builder_for(self, modality: str | None) -> str:
        """Return the builder unless the experiment names one.

        Args:
            modality: `image`, `audio`, `text` or `table`; None if it is unknown.
        """
        return self.builders.get(modality or "", self.builder)

    def output_shape(self, spec: Signature) -> tuple[int, ...]:
        """Return the shape of the output for one example, without the batch.

        Cells are those of 8x8 pixels; `accepts` allows other grids.
        """
        shape, classes = tuple(spec.shape), len(spec.classes)
        if self.output == "forecast":
            return (forecast_size(spec),)
        if self.output == "action_values":
            return (len(spec.target["actions"]),)
        if self.output == "image":
            return tuple(spec.target["shape"])
        if self.output == "logits_per_target":
            return (int(spec.target["steps"]), spec.vocabulary)
        if self.output == "scores":
            return (int(spec.target["items"]),)
        shapes = {
            "logits": (classes,),
            "numbers": (self.units,),
            "vector": (self.units,),
            "class_map": (*shape[:-1], classes),
            "cells": (*(-(-side // CELL) for side in shape[:-1]), classes + SIDES),
            "logits_per_step": (*shape, spec.vocabulary),
        }
        return shapes.get(self.output, shape)

    def accepts(self, received: tuple[int | None, ...], spec: Signature) -> bool:
        """Return True if a model with this output shape can serve the task.

        Args:
            received: shape of the output for one example.
            spec: signature of the data.
        """
        if self.output == "vector":
            return len(received) == 1 and (received[0] or 0) > 1
        needed = self.output_shape(spec)
        if self.output != "cells" or len(received) != len(needed) or None in received:
            return tuple(received) == needed
        sides = zip(received[:-1], spec.shape)
        fits = all(0 < (cells or 0) <= side for cells, side in sides)
        return fits and received[-1] == needed[-1]

    @property
    def output_name(self) -> str:
        """Name of a model's last layer."""
        if self.output == "vector":
            return self.output
        return "logits" if self.predicts_classes else "prediction"

    def expects(self, spec: Signature) -> str:
        """Describe the expected output: the end of a sentence about the data."""
        if self.predicts_classes and not self.per_step:
            return f"has {len(spec.classes)} classes"
        if self.output == "vector":
            return f"needs {self.needs(spec)}, for {self.title}"
        return f"needs outputs of shape {self.output_shape(spec)}, for {self.title}"

    def needs(self, spec: Signature) -> str:
        """Describe the shapes that `accepts` allows, such as `(10,)`."""
        if self.output == "vector":
            return "a vector of at least two numbers"
        return str(self.output_shape(spec))

    def other(self, key: str) -> Metric:
        """Return one of `other_metrics` by its key."""
        return next(metric for metric in self.other_metrics if metric.key == key)

    def refuses(self, key: str) -> str | None:
        """Return why a key of the experiment file does not apply; None if it does.

        Args:
            key: dotted, such as `data.balance`.
        """
        return self.not_applicable.get(key)

    def module(self, part: str) -> str:
        """Return the name of a part's module."""
        return self.parts[part].partition(":")[0]

    def part(self, name: str) -> Any:
        """Return the object of a part; its module is imported on first use."""
        module, _, attribute = self.parts[name].partition(":")
        return getattr(importlib.import_module(module), attribute)

    def part_for(self, name: str, spec: Any) -> Any:
        """Return the object of a part for a data set.

        Args:
            name: of the part.
            spec: signature of the data, of which the part may be a function.
        """
        part = self.part(name)
        return part(spec) if isfunction(part) else part


def forecast_size(spec: Signature) -> int:
    """Return the numbers of a forecast: steps times series times quantiles."""
    steps, levels = spec.target["horizon"], len(spec.target["quantiles"]) or 1
    return int(steps * len(spec.target["names"]) * levels)


def parts_in(package: str, *optional: str) -> dict[str, str]:
    """Return the parts of a package with a module per part, `report:REPORT` for one.

    Args:
        package: dotted name of the package.
        optional: optional parts that the package has, such as `floor`.
    """
    names = (*PARTS, *optional)
    return {part: f"{package}.{part}:{part.upper()}" for part in names}
