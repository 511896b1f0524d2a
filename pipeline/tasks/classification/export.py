"""The number of classes and their names, for microcontrollers and programs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.tasks.export import Metadata, TaskExport
from pipeline.tasks.spec import TaskSpec


def _metadata(spec: TaskSpec, point: Mapping[str, Any]) -> Metadata:
    return {"classes": len(spec.classes), "labels": list(spec.classes)}


def _defines(metadata: Metadata) -> str:
    return f"#define MODEL_DATA_CLASSES {metadata['classes']}"


EXPORT = TaskExport(_metadata, _defines, lambda spec: spec.classes)
