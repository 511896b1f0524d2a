"""Meaning of the cells, for microcontrollers and programs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.tasks.detection.comparison import DEFAULT_THRESHOLD
from pipeline.tasks.detection.decoding import CANDIDATES, MAX_OVERLAP, SIDES
from pipeline.tasks.detection.decoding_c import RESULT
from pipeline.tasks.export import Metadata, TaskExport
from pipeline.tasks.spec import TaskSpec


def _metadata(spec: TaskSpec, point: Mapping[str, Any]) -> Metadata:
    return {
        "task": spec.task,
        "classes": len(spec.classes),
        "labels": list(spec.classes),
        "threshold": point.get("threshold") or DEFAULT_THRESHOLD,
        "output_meaning": "per cell, row by row: one logit per class, then the "
        "distances from the center of the cell to the left, top, right and bottom side "
        "of the object, in cells",
        "decoding": "outside the file: cells with a score (sigmoid of the logit) from "
        f"the threshold on, the best {CANDIDATES}; of two boxes of a class with an IoU "
        f"above {MAX_OVERLAP}, the better one",
        "max_overlap": MAX_OVERLAP,
        "max_boxes": CANDIDATES,
    }


def _defines(metadata: Metadata) -> str:
    rows, columns = metadata["output"]["shape"][1:3]
    return (
        "// per cell: a logit per class, then distances to the left, top, right and\n"
        "// bottom side of the object, in cells; see result.h for the boxes\n"
        f"#define MODEL_DATA_CLASSES {metadata['classes']}\n"
        f"#define MODEL_DATA_ROWS {rows}\n"
        f"#define MODEL_DATA_COLUMNS {columns}\n"
        f"#define MODEL_DATA_SIDES {SIDES}\n"
        f"#define MODEL_DATA_MAX_BOXES {CANDIDATES}\n"
        f"#define MODEL_DATA_MAX_OVERLAP {MAX_OVERLAP!r}\n"
        f"#define MODEL_DATA_THRESHOLD {metadata['threshold']!r}"
    )


EXPORT = TaskExport(
    _metadata, _defines, lambda spec: spec.classes, lambda metadata: RESULT
)
