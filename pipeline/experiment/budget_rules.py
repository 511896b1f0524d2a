"""Limits of memory that contradict the size of the images.

In: an experiment as it was read. Out: each limit that is below the bytes of one input,
which no model can keep. Nothing is read for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pipeline.data import degradation
from pipeline.data.sources.registry import modality_of

Misfit = tuple[tuple[str, ...], str]
# Limits of the bytes that one int8 example and all activations share.
LIMITS = (
    ("compress", "budget", "max_arena"),
    ("tune", "limits", "activation_bytes"),
)


def misfits(experiment: Any) -> Iterator[Misfit]:
    """Yield the key of each limit that is too low, with the remedy.

    Args:
        experiment: its checked values.
    """
    data = experiment.data
    if data.image.size is None or modality_of(data.source) != "image":
        return
    scale = degradation.scale_of(data.degradation)
    height, width = (side // scale for side in data.image.size)
    channels = data.image.channels or 1  # the fewest that files can have
    count = height * width * channels
    for key in LIMITS:
        limit = _value(experiment, key)
        if limit is not None and limit < count:
            yield (
                key,
                f"{limit:,} bytes, but one input of {height} x {width} x {channels} "
                f"takes {count:,} in int8; allow more, or reduce data.image.size",
            )


def _value(experiment: Any, key: tuple[str, ...]) -> int | None:
    value = experiment
    for name in key:
        value = getattr(value, name)
    return int(value) if value is not None else None
