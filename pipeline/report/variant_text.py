"""A variant's name, size and change in words, the same on the page and the terminal.

In: rows of summary.json. Out: short texts.
"""

from __future__ import annotations

import re
from typing import Any

from pipeline.compress.grammar import EXPORTS
from pipeline.metrics.metric import Metric

Row = dict[str, Any]
# Lines of `left_out` about the file itself, not about a technique.
EXPORTED = re.compile(rf"(?:{'|'.join(EXPORTS)}): ")


def size(count: int) -> str:
    """Bytes as kB of 1,000, with one decimal: `2.9 kB`."""
    return f"{count / 1000:.1f} kB"


def name(row: Row) -> str:
    """A variant's name: `student | prune(0.6) | pqat`."""
    return f"{row['source']} | {row['recipe']}"


def change(row: Row, score: Metric) -> str:
    """Difference of the metric from the baseline's, negative for a loss: `-0.6`."""
    return score.number(score.difference(row["drop"]))


def span(row: Row, score: Metric) -> str:
    """95 % interval of that difference: `-1.7 to +0.6`, or `unknown`."""
    interval = row["drop_interval"]
    if interval is None:
        return "unknown"
    low, high = map(score.number, score.differences(interval))
    return f"{low} to {high}"


def remarks(row: Row) -> list[str]:
    """What a file is not, and whether a cheaper recipe is better.

    Args:
        row: of pareto.json or summary.json.
    """
    lines = [line for line in row.get("left_out", []) if EXPORTED.match(line)]
    if cheaper := row.get("beaten_by"):
        lines.append(f"beaten by {cheaper}, which needs less fine-tuning")
    return lines
