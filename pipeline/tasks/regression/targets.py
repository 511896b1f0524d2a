"""Targets are standardized with mean and standard deviation of the training split.

spec.json holds both, so that outputs can be converted to the unit of the data.
"""

from __future__ import annotations

from typing import Any

from pipeline.tasks.targets import Labels, Prepared, learn_target


def _prepare(labels: Labels, params: Any) -> Prepared:
    target = learn_target(params.columns.label, labels.teaching)
    return Prepared(labels.y, labels.classes, labels.indices, target)


TARGETS = _prepare
