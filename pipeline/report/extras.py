"""What stages may publish and may not: read where it is there, None where it is not.

In: the folders of the stages. Out: name -> content of a JSON file; columns of the
learning curves; rows of the search. The page says of what is None that it is absent.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.core.json_io import read_json

# Name -> stage and file.
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


def read_documents(folders: Mapping[str, Path]) -> dict[str, Any]:
    """Every document of DOCUMENTS; None for one that was not published."""
    paths = {name: folders[at] / file for name, (at, file) in DOCUMENTS.items()}
    return {n: read_json(path) if path.is_file() else None for n, path in paths.items()}


def read_histories(folders: Mapping[str, Path]) -> dict[str, dict[str, list]]:
    """Source -> column -> a number for each epoch; text is left out."""
    paths = {name: folders[at] / "history.csv" for name, at in HISTORIES.items()}
    return {n: _columns(read_csv(path)) for n, path in paths.items() if path.is_file()}


def read_trials(folder: Path) -> list[Row]:
    """The trials of trials.json, a row each."""
    return read_json(folder / "trials.json")["trials"]


def read_csv(path: Path) -> list[dict[str, str]]:
    """Rows as text."""
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def number(text: str) -> float | None:
    """The number that a text is, or None; so are infinity and NaN."""
    try:
        value = float(text)
    except (TypeError, ValueError):
        return None
    return value if abs(value) < float("inf") else None


def _columns(rows: list[dict[str, str]]) -> dict[str, list[float | None]]:
    names = rows[0] if rows else []
    columns = {name: [number(row[name]) for row in rows] for name in names}
    return {n: v for n, v in columns.items() if any(x is not None for x in v)}
