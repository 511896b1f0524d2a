"""The scale that turns an output into the number, for microcontrollers and programs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.tasks.export import Metadata, TaskExport
from pipeline.tasks.spec import TaskSpec


def _metadata(spec: TaskSpec, point: Mapping[str, Any]) -> Metadata:
    return {"task": spec.task, "target": spec.target}


def _defines(metadata: Metadata) -> str:
    target = metadata["target"]
    return (
        "// number = output * MODEL_DATA_DEVIATION + MODEL_DATA_MEAN\n"
        f"#define MODEL_DATA_MEAN {target['mean']!r}\n"
        f"#define MODEL_DATA_DEVIATION {target['deviation']!r}"
    )


EXPORT = TaskExport(_metadata, _defines)
