"""A published stage as trackers read it: numbers, curves, pictures, files.

In: the folder of a stage. Out: PublishedStage. Only published files are read, so that
recording a run twice gives the same.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from pipeline.core.json_io import read_json
from pipeline.engine.fingerprint import flatten
from pipeline.engine.published import published
from pipeline.engine.run_record import read_run
from pipeline.engine.stage_record import read_record

STEP = "epoch"
# Results; arrays of the data set are left out.
SUFFIXES = (".tflite", ".json", ".csv", ".md", ".keras", ".png", ".html", ".js", ".txt")
Curve = list[tuple[int, float]]


@dataclass(frozen=True)
class PublishedStage:
    """The record of one stage.

    Args:
        name: of the stage.
        folder: where its files are.
        fingerprint: of its parameters, inputs and code.
        params: dotted key -> value, as text.
        metrics: dotted name -> number.
        curves: name -> `(epoch, value)`: columns of history.csv, and the root mean
            square gradient of each kernel before the first epoch and after the last.
        started: in seconds since 1970.
        seconds: duration of the run.
    """

    name: str
    folder: Path
    fingerprint: str
    params: dict[str, str]
    metrics: dict[str, float]
    curves: dict[str, Curve]
    started: float
    seconds: float

    @property
    def pictures(self) -> list[Path]:
        """The stage's PNG files."""
        return sorted(self.folder.glob("*.png"))

    @property
    def files(self) -> list[Path]:
        """Files to upload: results, without the data set."""
        paths = sorted(path for path in self.folder.rglob("*") if path.is_file())
        return [path for path in paths if path.suffix in SUFFIXES]


def read_stage(folder: Path) -> PublishedStage:
    """Read a published stage.

    Raises:
        UserError: when a file is missing or damaged.
    """
    record, run = read_record(folder), read_run(folder)
    published(folder, "metrics.json", "history.csv", "gradients.csv")
    history = folder / "history.csv"
    return PublishedStage(
        name=folder.name,
        folder=folder,
        fingerprint=record["fingerprint"],
        params=_params(record["parts"], folder.name),
        metrics=_numbers(read_json(folder / "metrics.json")),
        curves={**_columns(history), **_gradients(folder / "gradients.csv", history)},
        started=datetime.fromisoformat(run["started"]).timestamp(),
        seconds=float(run["seconds"]),
    )


def read_trials(folder: Path) -> list[dict[str, Any]]:
    """Read the scored trials of the tune stage: `trial`, `score` and `values`."""
    path = published(folder, "trials.json") / "trials.json"
    trials = read_json(path)["trials"] if path.is_file() else []
    keys = ("trial", "score", "values")
    scored = [trial for trial in trials if trial["score"] is not None]
    return [{key: trial[key] for key in keys} for trial in scored]


def _params(parts: dict[str, Any], stage: str) -> dict[str, str]:
    values = {**flatten(parts["settings"], ""), **flatten(parts["params"], stage)}
    return {key.strip("."): str(value) for key, value in values.items()}


def _columns(path: Path) -> dict[str, Curve]:
    """The numeric columns of history.csv against the epoch."""
    curves: dict[str, Curve] = {}
    for row in _rows(path):
        for name, text in row.items():
            value = _number(text)
            if name != STEP and value is not None:
                curves.setdefault(name, []).append((int(row[STEP]), value))
    return curves


def _gradients(path: Path, history: Path) -> dict[str, Curve]:
    """`gradients/dense1/kernel` -> root mean square before and after training."""
    epochs = len(_rows(history)) or 1
    return {
        f"gradients/{row['kernel']}": [
            (0, float(row["before"])),
            (epochs, float(row["after"])),
        ]
        for row in _rows(path)
    }


def _rows(path: Path) -> list[dict[str, str]]:
    """The rows of a table; none where there is no file."""
    if not path.is_file():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _numbers(metrics: Any) -> dict[str, float]:
    """All numbers of a JSON document by dotted name; texts and lists are left out."""
    flat = flatten(metrics, "")
    return {
        name.strip("."): float(value)
        for name, value in flat.items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    }
