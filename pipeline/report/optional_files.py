"""Files that a stage may or may not publish: read if present, None if absent.

In: the folders of the stages. Out: contents of JSON files, columns of the learning
curves, trials of the search. The page names each file that is absent.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.core.json_io import read_json

# Field of OptionalFiles -> stage and file.
DOCUMENTS = {
    "calibration": ("evaluate", "calibration.json"),
    "robustness": ("evaluate", "robustness.json"),
    "flips": ("evaluate", "flips.json"),
    "ledger": ("compress", "ledger.json"),
    "importance": ("tune", "importance.json"),
    "gain": ("distill", "gain.json"),
    "cross_validation": ("train", "cross_validation.json"),
    "replicates": ("train", "replicates.json"),
}
HISTORIES = {"baseline": "train", "student": "distill"}
Row = dict[str, Any]
Columns = dict[str, list[float | None]]


@dataclass(frozen=True)
class OptionalFiles:
    """Contents of the JSON files that may be absent; None for an absent one.

    Attributes:
        calibration: reliability diagrams, by variant.
        robustness: metric under corruptions and attacks, by variant.
        flips: examples whose prediction differs from the baseline's.
        ledger: size and metric after each recipe step, by variant.
        importance: hyperparameter -> its share of the variance of the score.
        gain: effect of the teacher on the student.
        cross_validation, replicates: spread of the baseline over folds and seeds.
    """

    calibration: Row | None
    robustness: Row | None
    flips: Row | None
    ledger: Row | None
    importance: Row | None
    gain: Row | None
    cross_validation: Row | None
    replicates: Row | None


def read_optional_files(folders: Mapping[str, Path]) -> OptionalFiles:
    """Read every document of `DOCUMENTS` that was published.

    Args:
        folders: stage name -> its published folder.
    """
    paths = {name: folders[stage] / file for name, (stage, file) in DOCUMENTS.items()}
    return OptionalFiles(
        **{n: read_json(path) if path.is_file() else None for n, path in paths.items()}
    )


def read_histories(folders: Mapping[str, Path]) -> dict[str, Columns]:
    """Read the learning curves.

    Args:
        folders: stage name -> its published folder.

    Returns:
        `baseline` and `student` -> column -> one number per epoch; columns of text
        are left out.
    """
    paths = {name: folders[stage] / "history.csv" for name, stage in HISTORIES.items()}
    return {n: _columns(read_csv(path)) for n, path in paths.items() if path.is_file()}


def read_trials(folder: Path) -> list[Row]:
    """Read the trials of trials.json in the folder of tune, one row per trial."""
    trials: list[Row] = read_json(folder / "trials.json")["trials"]
    return trials


def read_csv(path: Path) -> list[dict[str, str]]:
    """Read the rows of a CSV file as text."""
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def number(text: str) -> float | None:
    """Parse a finite number; None for any other text."""
    try:
        value = float(text)
    except (TypeError, ValueError):
        return None
    return value if abs(value) < float("inf") else None


def _columns(rows: list[dict[str, str]]) -> Columns:
    names = rows[0] if rows else {}
    columns = {name: [number(row[name]) for row in rows] for name in names}
    return {n: v for n, v in columns.items() if any(x is not None for x in v)}
