"""How the number that decides is called and written in files and on pages.

`pipeline.data.measure` computes it. This is what a reader of published documents
needs of it, without the libraries that computing takes:

    score = score_of(summary)          # a document names its task, but for classes
    row[score.key]                     # 0.983
    score.change(-0.006)               # "-0.6 points", "-0.006 R2"
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

CLASSES, NUMBERS, ANOMALIES = "classification", "regression", "reconstruction"


@dataclass(frozen=True)
class Score:
    """What stands where a classification has its accuracy.

    Args:
        task: as spec.json names it.
        key: in JSON and CSV.
        name: as people call it.
        unit: of a difference.
        scale: of a difference: 100 where it is told in percentage points.
    """

    task: str
    key: str
    name: str
    unit: str
    scale: float = 1.0

    @property
    def title(self) -> str:
        """At the beginning of a sentence."""
        return self.name[0].upper() + self.name[1:]

    def number(self, change: float) -> str:
        """A difference with its sign, without its unit: `-0.6`, or `-0.006`."""
        return f"{self.scale * change:+z.{self._digits}f}"

    def change(self, change: float) -> str:
        """A difference with its sign and its unit: `-0.6 points`, or `-0.006 R2`."""
        return f"{self.number(change)} {self.unit}"

    def bare(self, change: float) -> str:
        """A difference without its sign and unit: `1.0`, or `0.010`."""
        return f"{self.scale * change:.{self._digits}f}"

    def amount(self, change: float) -> str:
        """A difference without its sign: `1.0 points`, or `0.010 R2`."""
        return f"{self.bare(change)} {self.unit}"

    @property
    def _digits(self) -> int:
        return 1 if self.scale > 1 else 3


SCORES = {
    CLASSES: Score(CLASSES, "accuracy", "accuracy", "points", 100.0),
    NUMBERS: Score(NUMBERS, "r2", "R2", "R2"),
    ANOMALIES: Score(ANOMALIES, "auc", "AUC", "AUC"),
}


def score_of(document: Mapping[str, Any]) -> Score:
    """The score of what pareto, evaluation or summary.json holds."""
    return SCORES[document.get("task", CLASSES)]


def named(task: str) -> dict[str, str]:
    """What a document says of its task: nothing where it is a classification."""
    return {} if task == CLASSES else {"task": task}
