"""What the tune stage publishes: trials.csv and best.json."""

from __future__ import annotations

import csv
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pipeline.engine.jsonio import read_json, write_json


@dataclass(frozen=True)
class Best:
    """The hyperparameters that the search found best.

    Args:
        values: hyperparameter name -> value, the learning rate among them.
        score: validation accuracy.
        weights: how many the model has.
        trial: its number; trial 0 is the builder's defaults.
        code: hash of the builder's code, see `registry.code_hash`.
    """

    builder: str
    values: dict[str, Any]
    score: float
    weights: int
    trial: int
    code: str = ""


def write_best(folder: Path, best: Best) -> None:
    """Write best.json."""
    write_json(folder / "best.json", asdict(best))


def read_best(folder: Path) -> Best:
    """Read best.json."""
    return Best(**read_json(folder / "best.json"))


def write_trials(folder: Path, rows: list[dict[str, Any]]) -> None:
    """Write trials.csv, one line a trial; a failed one says why."""
    fields = list(dict.fromkeys(key for row in rows for key in row))
    with (folder / "trials.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, fields, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
