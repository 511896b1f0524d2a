"""`series:NAME`: numbers over time that need no file.

`series:load` is made here: the hourly electric load of a small town, with daily and
weekly patterns, an effect of the temperature, working shifts that are planned in
advance, and noise that fades slowly. Its best possible forecast is known, see
`best_error`. `series:co2` is the weekly carbon dioxide of Mauna Loa, 1958 to 2001
(Keeling, Whorf, Scripps CO2 Program, 2004), which statsmodels ships.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.core.errors import UserError
from pipeline.data.delimited import open_rows
from pipeline.data.examples import Examples
from pipeline.data.series.examples import read_windows
from pipeline.data.series.table import read_table
from pipeline.data.sources.reader import ReadContext
from pipeline.data.sources.registry import check_known

HOURS = 10_000
SEED = 24
WARMTH = 0.98, 6.0  # of the temperature: correlation of one hour, standard deviation
NOISE = 0.9, 30.0  # of the load
PER_DEGREE = -5.0  # load per degree
SHIFT = 90.0  # load of a shift that is planned
SHIFT_HOURS = 8

Table = Iterable[Iterable[Any]]


def read(context: ReadContext) -> Examples:
    """Read the windows of an embedded series; see `SourceReader`."""
    check_known(context.source, context.key)
    path = context.scratch / f"{context.name}.csv"
    with path.open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(TABLES[context.name]())
    params = context.params
    rows = open_rows(path, params.columns, params.limits.decompressed)
    table = read_table(rows, params.series, _bad)
    return read_windows(table, context)


def load() -> Table:
    """Return the rows of `series:load`, with a header."""
    rng = np.random.default_rng(SEED)
    hours = np.arange(HOURS)
    temperature = _fading(rng, *WARMTH)
    shift = _shifts(rng)
    value = pattern(hours) + SHIFT * shift + PER_DEGREE * temperature
    value += _fading(rng, *NOISE)
    yield ("time", "load", "temperature", "shift")
    begin = datetime(2024, 1, 1)
    for k in range(HOURS):
        time = begin + timedelta(hours=k)
        yield (time, f"{value[k]:.2f}", f"{temperature[k]:.2f}", int(shift[k]))


def pattern(hours: np.ndarray) -> np.ndarray:
    """Return the load that the hour of the week decides.

    Args:
        hours: since the beginning of a week, `(n,)`.
    """
    day = 2 * np.pi * hours / 24
    daily = -120 * np.cos(day) - 45 * np.cos(2 * day - 1) + 20 * np.sin(3 * day)
    weekend = (hours // 24) % 7 >= 5
    return 900 + daily * np.where(weekend, 0.6, 1.0) - 80.0 * weekend


def best_error(horizon: int) -> float:
    """Return the mean absolute error of the best forecast, over all steps.

    Nothing but the noise and the future temperature is unknown to it.

    Args:
        horizon: hours that are predicted.
    """
    steps = np.arange(1, horizon + 1)
    (warmth, degrees), (noise, spread) = WARMTH, NOISE
    variance = spread**2 * (1 - noise ** (2 * steps))
    variance += (PER_DEGREE * degrees) ** 2 * (1 - warmth ** (2 * steps))
    return float(np.sqrt(2 / np.pi * variance).mean())


def co2() -> Table:
    """Return the rows of `series:co2`, with a header.

    Raises:
        UserError: when statsmodels is not installed.
    """
    module = find_spec("statsmodels")
    if module is None or not module.submodule_search_locations:
        raise UserError(
            "series:co2: statsmodels ships it and is not installed; install it "
            "(pip install statsmodels), or use series:load"
        )
    folder = Path(next(iter(module.submodule_search_locations)))
    yield ("time", "co2")
    with (folder / "datasets" / "co2" / "co2.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            yield (datetime.strptime(row["date"], "%Y%m%d").date(), row["co2"])


def _fading(rng: np.random.Generator, fading: float, spread: float) -> np.ndarray:
    """Return a first-order autoregressive process, `(HOURS,)`."""
    steps = rng.normal(scale=spread * np.sqrt(1 - fading**2), size=HOURS)
    values = np.empty(HOURS)
    values[0] = rng.normal(scale=spread)
    for k in range(1, HOURS):
        values[k] = fading * values[k - 1] + steps[k]
    return values


def _shifts(rng: np.random.Generator) -> np.ndarray:
    """Draw every other eight hours whether there is a shift, `(HOURS,)` bool."""
    drawn = rng.random(HOURS // SHIFT_HOURS + 1) < 0.3
    return np.repeat(drawn, SHIFT_HOURS)[:HOURS]


def _bad(place: str, reason: str) -> None:
    raise ValueError(f"{place}: {reason}")


TABLES: dict[str, Callable[[], Table]] = {"load": load, "co2": co2}
