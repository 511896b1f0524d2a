"""The threshold above which an example is an anomaly, for devices and programs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.tasks.export import Metadata, TaskExport
from pipeline.tasks.spec import TaskSpec


def _metadata(spec: TaskSpec, point: Mapping[str, Any]) -> Metadata:
    return {"task": spec.task, "threshold": point["threshold"]}


def _defines(metadata: Metadata) -> str:
    if metadata["threshold"] is None:
        return "// no threshold could be chosen on validation"
    return (
        "// an anomaly: mean((input - output)^2) above this, on real values\n"
        f"#define MODEL_DATA_THRESHOLD {metadata['threshold']!r}"
    )


EXPORT = TaskExport(_metadata, _defines)
