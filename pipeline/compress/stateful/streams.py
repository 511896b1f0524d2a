"""Data that a device receives step by step. TensorFlow is not imported."""

from __future__ import annotations

from pipeline.tasks.registry import task_of
from pipeline.tasks.spec import TaskSpec

FRAME_OUTPUTS = ("logits", "numbers", "vector")


def is_stream(spec: TaskSpec) -> bool:
    """Return True for data that a device receives step by step.

    Args:
        spec: signature of the data: texts that are continued, or frames of sound.
    """
    task = task_of(spec)
    frames = spec.modality == "audio" and len(spec.shape) > 1
    return task.generates or (frames and task.output in FRAME_OUTPUTS)
