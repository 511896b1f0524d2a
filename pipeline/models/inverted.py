"""The inverted residual block of MobileNetV2, and stages made of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from keras import layers

from pipeline.models.choices import Choices


@dataclass(frozen=True)
class Stage:
    """A row of the papers' tables.

    Args:
        expansion: how much wider a block is inside.
        filters: of its output, before any multiplier.
        blocks: how many; the first one has the stride.
        size: of the depthwise kernel.
    """

    expansion: int
    filters: int
    blocks: int
    strides: int
    size: int = 3


def inverted_stages(
    own: Choices, x: Any, stages: Iterable[Stage], width: float, late: bool = False
) -> Any:
    """Run all stages.

    Args:
        width: multiplies the table's filters, which are rounded to eights.
        late: keep the size through the first three stages, for small images.
    """
    for number, stage in enumerate(stages, 1):
        keep = late and number <= 3
        for block in range(own.deep(stage.blocks)):
            strides = stage.strides if block == 0 and not keep else 1
            filters = eights(stage.filters * width)
            x = _block(own, x, stage, filters, strides, f"stage{number}_{block + 1}")
    return x


def eights(filters: float) -> int:
    """The nearest multiple of eight, and no less than nine tenths (the papers')."""
    rounded = max(8, int(filters + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * filters else rounded


def _block(
    own: Choices, x: Any, stage: Stage, filters: int, strides: int, name: str
) -> Any:
    """Widen, filter each channel, narrow without an activation; add if it fits."""
    y = x
    if stage.expansion > 1:
        y = own.conv(y, stage.expansion * x.shape[-1], 1, f"{name}_expand")
    y = own.depthwise(y, stage.size, f"{name}_depthwise", strides)
    y = own.conv(y, filters, 1, f"{name}_project", activate=False)
    if strides == 1 and x.shape[-1] == filters:
        y = layers.Add(name=f"{name}_add")([x, y])
    return y
