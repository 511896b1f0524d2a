"""The name of the task, for microcontrollers and programs: outputs have no names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.tasks.export import Metadata, TaskExport
from pipeline.tasks.spec import TaskSpec


def _metadata(spec: TaskSpec, point: Mapping[str, Any]) -> Metadata:
    return {"task": spec.task}


def _defines(metadata: Metadata) -> str:
    return "// outputs as the imported model returns them"


EXPORT = TaskExport(_metadata, _defines)
