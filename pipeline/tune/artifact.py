"""What the tune stage publishes: trials.csv, trials.json and best.json."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from pipeline.core.json_io import read_json, write_json

FAMILY = "builder"  # a hyperparameter where several are searched
# Hyperparameters of the training, in every search: see `pipeline.tune.space`.
FITTING = ("learning_rate", "batch_size", "schedule", "weight_decay", "optimizer")


@dataclass(frozen=True)
class Best:
    """The hyperparameters that the search found best.

    Args:
        values: hyperparameter name -> value, those of the training among them.
        score: the measure on validation; the mean over `scores` where there are any.
        weights: how many the model has.
        trial: its number; trial 0 is the defaults.
        spread: standard deviation over the seeds.
        scores: of the winner trained again, a seed each.
        defaults: score and spread of trial 0, if it was a finalist.
        tuned: names of the hyperparameters that were searched.
        front: trials that no other one beats in score and size at once.
    """

    builder: str
    values: dict[str, Any]
    score: float
    weights: int
    trial: int
    spread: float | None = None
    scores: list[float] = field(default_factory=list)
    defaults: dict[str, Any] | None = None
    tuned: list[str] = field(default_factory=list)
    front: list[dict[str, Any]] = field(default_factory=list)

    def training(self) -> dict[str, Any]:
        """What the best trial was trained with, searched or fixed.

        Not its epochs and patience, which are those of a trial.
        """
        return {name: self.values[name] for name in FITTING if name in self.values}

    @property
    def strength(self) -> float:
        """Of the augmentation: what the search found best, 1 if it did not search."""
        return self.values.get("augmentation", 1.0)


def write_best(folder: Path, best: Best) -> None:
    """Write best.json."""
    write_json(folder / "best.json", asdict(best))


def read_best(folder: Path) -> Best:
    """Read best.json."""
    return Best(**read_json(folder / "best.json"))


def write_trials(folder: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write trials.csv, one line a trial; values of the search in columns."""
    flat = [_flat(row) for row in rows]
    fields = list(dict.fromkeys(key for row in flat for key in row))
    with (folder / "trials.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, fields, lineterminator="\n")
        writer.writeheader()
        writer.writerows(flat)


def write_search(
    folder: Path, rows: Sequence[Mapping[str, Any]], space: Sequence[Mapping[str, Any]]
) -> None:
    """Write trials.json: the same rows, and the space that was searched."""
    write_json(folder / "trials.json", {"trials": list(rows), "space": list(space)})


def _flat(row: Mapping[str, Any]) -> dict[str, Any]:
    """`values` become columns; lists and None's become short texts."""
    values = row.get("values", {})
    kept = {k: v for k, v in row.items() if k not in ("values", "curve")}
    return {k: "" if v is None else v for k, v in {**kept, **values}.items()}
