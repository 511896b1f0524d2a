"""The next numbers of a series, in the unit of the data, with their times."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from pipeline.tasks.forecasting.errors import Layout
from pipeline.tasks.prediction import Row, TaskPrediction
from pipeline.tasks.spec import TaskSpec

SHOWN = 6  # steps in a line of text


def _rows(
    outputs: np.ndarray, stored: np.ndarray, spec: TaskSpec, point: Mapping[str, Any]
) -> list[Row]:
    layout = Layout(spec)
    none = np.zeros((len(outputs), layout.columns.count))
    numbers = layout.numbers(layout.outputs(outputs), none)
    return [_row(example, layout) for example in numbers]


def _row(numbers: np.ndarray, layout: Layout) -> Row:
    """Return the forecast of one example, `(horizon, count, levels)`."""
    names, levels = layout.spec.target["names"], layout.spec.target["quantiles"]
    row: Row = {
        "forecast": {
            name: numbers[:, k, layout.median].tolist() for k, name in enumerate(names)
        }
    }
    if levels:
        row["quantiles"] = {
            name: {f"{q:g}": numbers[:, k, j].tolist() for j, q in enumerate(levels)}
            for k, name in enumerate(names)
        }
    return row


def _located(row: Row, facts: Mapping[str, Any]) -> Row:
    """Add the level of the window, and the series and the times that were read."""
    levels = dict(zip(row["forecast"], facts.get("level", ())))

    def lifted(name: str, values: list[float]) -> list[float]:
        return [value + levels.get(name, 0.0) for value in values]

    placed = {key: facts[key] for key in ("series", "times") if key in facts}
    forecast = {name: lifted(name, v) for name, v in row["forecast"].items()}
    quantiles = {
        name: {level: lifted(name, v) for level, v in values.items()}
        for name, values in row.get("quantiles", {}).items()
    }
    rest = {"quantiles": quantiles} if quantiles else {}
    return {**placed, "forecast": forecast, **rest}


def _text(row: Row) -> str:
    texts = []
    for name, values in row["forecast"].items():
        numbers = " ".join(f"{value:.4g}" for value in values[:SHOWN])
        rest = f" and {len(values) - SHOWN} more" if len(values) > SHOWN else ""
        texts.append(f"{name} {numbers}{rest}")
    times = row.get("times", ())
    when = f"{times[0]} to {times[-1]}  " if times else ""
    return f"{when}{'  '.join(texts)}"


def _table(rows: list[Row]) -> list[list[Any]]:
    """Return a header, and a line per series and step."""
    first = rows[0]
    columns = [(name, None) for name in first["forecast"]]
    for name, levels in first.get("quantiles", {}).items():
        columns += [(name, level) for level in levels]
    names = [name if level is None else f"{name} {level}" for name, level in columns]
    lines: list[list[Any]] = [["input", "series", "time", *names]]
    for row in rows:
        values = [
            row["forecast"][name] if level is None else row["quantiles"][name][level]
            for name, level in columns
        ]
        count = len(values[0])
        times = row.get("times", range(1, count + 1))
        for k, time in zip(range(count), times):
            place = [row.get("input", ""), row.get("series", ""), time]
            lines.append([*place, *(numbers[k] for numbers in values)])
    return lines


PREDICTION = TaskPrediction(_rows, _text, _located, _table)
