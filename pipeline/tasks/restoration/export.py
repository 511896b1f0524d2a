"""Size and range of the restored image, for microcontrollers and programs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.tasks.export import Metadata, TaskExport
from pipeline.tasks.spec import TaskSpec


def _metadata(spec: TaskSpec, point: Mapping[str, Any]) -> Metadata:
    return {
        "task": spec.task,
        "image": list(spec.target["shape"]),
        "degradation": spec.target["degradation"],
        "output_meaning": "the restored image, 0 is black and 1 is white",
        "clipping": "outside the file: values below 0 are 0, and above 1 they are 1",
    }


def _defines(metadata: Metadata) -> str:
    height, width, channels = metadata["image"]
    return (
        "// the output is the restored image, row by row; clip it to 0 .. 1\n"
        f"#define MODEL_DATA_IMAGE_HEIGHT {height}\n"
        f"#define MODEL_DATA_IMAGE_WIDTH {width}\n"
        f"#define MODEL_DATA_IMAGE_CHANNELS {channels}"
    )


EXPORT = TaskExport(_metadata, _defines)
