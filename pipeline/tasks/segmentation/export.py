"""Meaning of the map of logits, for microcontrollers and programs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.tasks.export import Metadata, TaskExport
from pipeline.tasks.spec import TaskSpec


def _metadata(spec: TaskSpec, point: Mapping[str, Any]) -> Metadata:
    height, width = spec.shape[:2]
    return {
        "task": spec.task,
        "classes": len(spec.classes),
        "labels": list(spec.classes),
        "output_meaning": "one logit per pixel and class, (height, width, classes)",
        "argmax": "outside the file: the class of a pixel has its largest logit",
        "resizing": f"outside the file: input and output are {height} x {width} pixels",
    }


def _defines(metadata: Metadata) -> str:
    return (
        "// the class of a pixel has the largest of its MODEL_DATA_CLASSES logits,\n"
        "// which are consecutive; argmax and resizing are outside the file\n"
        f"#define MODEL_DATA_CLASSES {metadata['classes']}"
    )


EXPORT = TaskExport(_metadata, _defines, lambda spec: spec.classes)
