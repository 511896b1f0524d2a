"""The corruptions that apply to a data set.

for corruption in corruptions_for(spec, steps):
    inputs = corruption.apply(raw, severity, seed)      # model inputs
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pipeline.data.features import Vocabulary, find_step
from pipeline.evaluate.corruptions.audio import for_audio, front_end
from pipeline.evaluate.corruptions.corruption import Corruption
from pipeline.evaluate.corruptions.images import MOVING, for_images
from pipeline.evaluate.corruptions.numbers import for_series, for_tables
from pipeline.evaluate.corruptions.texts import for_texts
from pipeline.tasks.registry import task_of
from pipeline.tasks.spec import TaskSpec


def corruptions_for(spec: TaskSpec, steps: Sequence[Any]) -> list[Corruption]:
    """Return the corruptions that apply to a data set.

    Args:
        spec: signature of the data.
        steps: preprocessing steps from raw to stored, see `pipeline.data.features`.
    """
    if spec.modality == "image" and len(spec.shape) == 3:
        return for_images(spec)
    if spec.modality == "audio":
        return for_audio(spec, steps)
    if spec.modality == "text":
        return for_texts(spec, steps)
    if spec.modality == "series":
        return for_series(spec)
    return for_tables(spec) if spec.modality == "table" else []


def missing_corruptions(spec: TaskSpec, steps: Sequence[Any]) -> str | None:
    """Return why a corruption of this modality cannot be computed, or None.

    Args:
        spec: signature of the data.
        steps: preprocessing steps from raw to stored, see `pipeline.data.features`.
    """
    if spec.modality == "image" and task_of(spec).dense:
        return f"{', '.join(MOVING)}: they move pixels, and the targets are per pixel"
    if spec.modality == "audio" and front_end(steps) is None:
        return "noise: the stored features hold no energies to which noise can be added"
    if spec.modality == "text" and find_step(steps, Vocabulary) is None:
        return "typos: the data have no vocabulary to look up misspelled words in"
    return None
