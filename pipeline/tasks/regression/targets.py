"""Targets are standardized with mean and standard deviation of the training split.

spec.json holds both, so that outputs can be converted to the unit of the data. With
`data.target_unit: labels` they are 0 and 1: outputs are in that unit already.
"""

from __future__ import annotations

from typing import Any

from pipeline.tasks.targets import Labels, Prepared, Target, learn_target


def _prepare(labels: Labels, params: Any) -> Prepared:
    name = params.columns.label
    labels_unit = params.target_unit == "labels"
    target = (
        Target(name, 0.0, 1.0) if labels_unit else learn_target(name, labels.teaching)
    )
    return Prepared(labels.y, labels.classes, labels.indices, target)


TARGETS = _prepare
