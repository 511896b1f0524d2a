"""History of series for `predict`, through the reader of the data stage.

In: a table with times whose last rows are the present. Out: per series its last window;
what follows it is predicted. Rows after the last one with all targets hold the columns
that are known in advance.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from pipeline.core.errors import UserError
from pipeline.data.artifact import Data
from pipeline.data.delimited import open_rows
from pipeline.data.features import find_step
from pipeline.data.series.steps import Anchor
from pipeline.data.series.table import SeriesTable, read_table
from pipeline.data.series.windows import Windows, windows_at
from pipeline.data.sources.series_params import SeriesParams
from pipeline.inference.raw_examples import RawExamples, read_settings

Facts = dict[str, Any]


def read_history(path: Path, data: Data) -> RawExamples:
    """Read the last window of each series of a file.

    Args:
        path: CSV, TSV or Parquet, plain or gzip.
        data: the experiment's data.

    Raises:
        UserError: for a bad row, other steps of time than in training, a gap or too few
            rows in a window, or a missing value of a column known in advance.
    """
    settings = read_settings(data)
    file = open_rows(path, settings.columns, settings.limits.decompressed)

    def bad(place: str, reason: str) -> None:
        raise UserError(f"{path}: {place}: {reason}; fix the file")

    unlabeled = settings.series.model_copy(update={"label": None})
    table = read_table(file, unlabeled, bad)
    if settings.series.label:
        return _every_window(table, path, settings.series)
    _check_step(table, data, path)
    pairs = [_last(Windows(part, settings.series), path) for part in table.series]
    raw = np.concatenate([window for window, _ in pairs])
    names = [f"{path}:{part.name}" if part.name else str(path) for part in table.series]
    facts = [
        {**_place(table, number, end, settings.series), **level}
        for number, ((_, end), level) in enumerate(
            zip(pairs, levels_of(raw, data) or ({},) * len(pairs))
        )
    ]
    return RawExamples(str(path), names, raw, facts=tuple(facts))


def _every_window(table: SeriesTable, path: Path, params: SeriesParams) -> RawExamples:
    """Return all windows without a gap, named by the time of their last row."""
    raw: list[np.ndarray] = []
    names: list[str] = []
    for part in table.series:
        windows = Windows(part, params)
        raw.append(windows_at(windows.inputs, windows.first, params.window))
        times = (table.grid.text(part.start + int(k) - 1) for k in windows.first)
        names += [" ".join(filter(None, (part.name, time))) for time in times]
    if not names:
        raise UserError(
            f"{path}: must hold {params.window:,} rows in a row without a gap"
        )
    return RawExamples(str(path), names, np.concatenate(raw))


def levels_of(raw: np.ndarray, data: Data) -> tuple[Facts, ...]:
    """Return the level of each window, which its forecast is relative to.

    Args:
        raw: windows before preprocessing, `(n, steps, columns)`.
        data: the experiment's data; without an anchor the result is empty.
    """
    anchor = find_step(data.steps(), Anchor)
    if anchor is None or raw.shape[1:] != data.spec.shape:
        return ()
    return tuple({"level": row.tolist()} for row in anchor.level(raw))


def _check_step(table: SeriesTable, data: Data, path: Path) -> None:
    trained = data.spec.target["grid"]
    grid = table.grid.to_json()
    if any(grid[key] != trained[key] for key in ("unit", "step")):
        raise UserError(
            f"{path}: its rows are {table.grid.words} apart, and those of training "
            f"{data.spec.target['step']}; give rows at the same steps"
        )


def _last(windows: Windows, path: Path) -> tuple[np.ndarray, int]:
    """Return the last window, `(1, steps, columns)`, and the step after it."""
    params, end = windows.params, windows.length
    title = f"{path}: {windows.series.title}"
    if end < params.window:
        raise UserError(
            f"{title} has {end:,} rows with all targets, and the model needs the last "
            f"{params.window:,}"
        )
    inputs = windows.inputs[end - params.window : end]
    missing = np.isnan(inputs)
    if missing[:, : len(params.names)].any():
        column = int(np.flatnonzero(missing.any(axis=0))[0])
        raise UserError(
            f'{title} has a gap in "{params.inputs[column]}" in its last '
            f"{params.window:,} rows; fill it, or train with data.series.gaps: fill"
        )
    if missing.any():
        raise UserError(
            f"{title} needs rows with {', '.join(params.known)} for the next "
            f"{params.horizon:,} steps, because they are known in advance; add rows "
            "without targets after the last one"
        )
    return windows_at(windows.inputs, np.array([end]), params.window), end


def _place(table: SeriesTable, number: int, end: int, params: SeriesParams) -> Facts:
    series = table.series[number]
    steps = range(series.start + end, series.start + end + params.horizon)
    times = [table.grid.text(step) for step in steps]
    return {"series": series.name, "times": times} if series.name else {"times": times}
