"""The picture of memory over the operators: a rectangle per tensor of the chosen file.

In: a .tflite file. Out: rectangles as wide as the operators that need a tensor, and as
high as its bytes, at the place where TensorFlow Lite Micro plans it. The template draws
them as SVG.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.compress.tflite.arena import Block, layout, operator_kinds
from pipeline.core.errors import UserError
from pipeline.report import formatting
from pipeline.report.experiment_data import ExperimentData


@dataclass(frozen=True)
class Rectangle:
    """A tensor in the picture, in units of operators and bytes.

    Attributes:
        x, y: upper left corner; the first byte is at the bottom.
        width, height: its size.
        kind: `peak` where the operator that needs most uses it, else `tensor`.
        text: shape, bytes and operators.
    """

    x: int
    y: int
    width: int
    height: int
    kind: str
    text: str


@dataclass(frozen=True)
class MemoryChart:
    """Memory of one file over its operators.

    Attributes:
        name: name of the file on the page.
        operators: kinds, in order.
        used: bytes that are in use at each operator.
        height: bytes of the plan.
        peak: number of the operator that needs most.
        rectangles: one per tensor and scratch buffer.
    """

    name: str
    operators: list[str]
    used: list[int]
    height: int
    peak: int
    rectangles: list[Rectangle]


def memory_chart(
    experiment: ExperimentData, summary: Mapping[str, Any]
) -> MemoryChart | None:
    """Build the picture of the chosen, or else the nearest file.

    Args:
        experiment: the published experiment.
        summary: content of summary.json.

    Returns:
        The picture; None where there is no file that can be read.
    """
    row = summary["chosen"] or summary["nearest"] or summary["baseline"]
    try:
        content = (experiment.folders["compress"] / row["file"]).read_bytes()
        blocks, operators = layout(content), operator_kinds(content)
    except (UserError, OSError):
        return None
    if not operators or not blocks:
        return None
    return _chart(formatting.name(row), operators, blocks)


def _chart(name: str, operators: list[str], blocks: Sequence[Block]) -> MemoryChart:
    count = len(operators)
    used = [
        sum(block.end - block.begin for block in blocks if _needs(block, number))
        for number in range(count)
    ]
    height = max(block.end for block in blocks)
    peak = max(range(count), key=lambda number: (used[number], -number))
    rectangles = [_rectangle(block, count, height, peak) for block in blocks]
    return MemoryChart(name, operators, used, height, peak, rectangles)


def _needs(block: Block, number: int) -> bool:
    return block.first <= number <= block.last


def _rectangle(block: Block, count: int, height: int, peak: int) -> Rectangle:
    last = min(block.last, count - 1)
    span = f"operator {block.first + 1}"
    span += f" to {last + 1}" if last > block.first else ""
    return Rectangle(
        x=block.first,
        y=height - block.end,
        width=last - block.first + 1,
        height=block.end - block.begin,
        kind="peak" if _needs(block, peak) else "tensor",
        text=f"{block.text}, {span}",
    )
