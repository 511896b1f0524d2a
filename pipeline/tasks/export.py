"""What the chosen file's output means, for metadata.json and C source.

In: spec.json and the file's row of pareto.json. Out: entries of metadata.json, and C
constants made from them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.tasks.registry import task_of
from pipeline.tasks.spec import TaskSpec

Metadata = dict[str, Any]


def no_labels(spec: TaskSpec) -> tuple[str, ...]:
    """Outputs that are not classes have no names."""
    return ()


@dataclass(frozen=True)
class TaskExport:
    """The `export` part of a task.

    Args:
        metadata: `(spec, row of pareto.json)` -> entries of metadata.json.
        defines: these entries -> lines of C preprocessor constants.
        labels: spec -> a name per output, for labels.txt and a C array.
    """

    metadata: Callable[[TaskSpec, Mapping[str, Any]], Metadata]
    defines: Callable[[Metadata], str]
    labels: Callable[[TaskSpec], tuple[str, ...]] = no_labels


def export_of(spec: TaskSpec) -> TaskExport:
    """The export part of a signature's task."""
    export: TaskExport = task_of(spec).part("export")
    return export
