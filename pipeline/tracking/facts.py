"""What a published stage has to record: numbers, curves, pictures, files.

In: the folder of a stage. Out: StageFacts. Read from what was published and from
nothing else, so that recording a run again gives the same.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.engine.fingerprint import flatten
from pipeline.core.json_io import read_json
from pipeline.engine.stage_record import read_record

STEP = "epoch"
FILES = (".tflite", ".json", ".csv", ".md", ".keras", ".png", ".html", ".js", ".txt")
Series = list[tuple[int, float]]


@dataclass(frozen=True)
class StageFacts:
    """One stage as trackers see it.

    Args:
        params: dotted key -> value, as text.
        metrics: dotted name -> number.
        series: name -> `(epoch, value)` of the learning curves, and of the gradient of
            each kernel before the first epoch and after the last.
        began: in seconds since 1970.
    """

    name: str
    folder: Path
    fingerprint: str
    params: dict[str, str]
    metrics: dict[str, float]
    series: dict[str, Series]
    began: float
    seconds: float

    @property
    def pictures(self) -> list[Path]:
        """The stage's PNG files."""
        return sorted(self.folder.glob("*.png"))

    @property
    def files(self) -> list[Path]:
        """What is worth keeping: results, and not the data themselves."""
        found = sorted(path for path in self.folder.rglob("*") if path.is_file())
        return [path for path in found if path.suffix in FILES]


def read_facts(folder: Path) -> StageFacts:
    """Read a published stage.

    Raises:
        UserError: when it is not whole.
    """
    record, run = read_record(folder), read_json(folder / "run.json")
    params = flatten(record["parts"]["params"], folder.name)
    settings = flatten(record["parts"]["settings"], "")
    texts = {
        key.strip("."): str(value) for key, value in {**settings, **params}.items()
    }
    return StageFacts(
        name=folder.name,
        folder=folder,
        fingerprint=record["fingerprint"],
        params=texts,
        metrics=_numbers(read_json(folder / "metrics.json")),
        series={
            **_series(folder / "history.csv"),
            **_gradients(folder / "gradients.csv", folder / "history.csv"),
        },
        began=_seconds(run["started"]),
        seconds=float(run["seconds"]),
    )


def trials(folder: Path) -> list[dict[str, Any]]:
    """Every scored trial of trials.json: `trial`, `score` and `values`."""
    path = folder / "trials.json"
    rows = read_json(path)["trials"] if path.is_file() else []
    kept = [row for row in rows if row["score"] is not None]
    return [{key: row[key] for key in ("trial", "score", "values")} for row in kept]


def _series(path: Path) -> dict[str, Series]:
    found: dict[str, Series] = {}
    for row in _rows(path) if path.is_file() else []:
        for name, text in row.items():
            value = _plain(text)
            if name != STEP and isinstance(value, float):
                found.setdefault(name, []).append((int(row[STEP]), value))
    return found


def _gradients(path: Path, history: Path) -> dict[str, Series]:
    """`gradients/dense1/kernel` -> its root mean square before and after the fit."""
    last = len(_rows(history)) if history.is_file() else 1
    rows = _rows(path) if path.is_file() else []
    return {
        f"gradients/{row['kernel']}": [
            (0, float(row["before"])),
            (last, float(row["after"])),
        ]
        for row in rows
    }


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _plain(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


def _numbers(value: Any, name: str = "") -> dict[str, float]:
    """Every number in a JSON value, by its dotted name; lists are left out."""
    if isinstance(value, dict):
        found: dict[str, float] = {}
        for key, inner in value.items():
            found |= _numbers(inner, f"{name}.{key}" if name else str(key))
        return found
    plain = isinstance(value, int | float) and not isinstance(value, bool)
    return {name: float(value)} if plain else {}


def _seconds(text: str) -> float:
    from datetime import datetime

    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()
