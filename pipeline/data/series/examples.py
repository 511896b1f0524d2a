"""Examples of numbers over time: windows of past rows, and the rows after them.

In: series at equal steps. Out: `Examples`, split by time. A row of `y` holds what a
forecast is compared with, see `pipeline.tasks.targets.SeriesColumns`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.core.errors import UserError
from pipeline.core.wording import quantity
from pipeline.data.examples import Examples
from pipeline.data.series.steps import Anchor
from pipeline.data.series.table import Series, SeriesTable
from pipeline.data.series.time_split import TimeCuts, cuts
from pipeline.data.series.windows import Array, Windows, windows_at
from pipeline.data.sources.reader import ReadContext, label_name
from pipeline.data.sources.series_params import SeriesParams
from pipeline.tasks.targets import SeriesColumns

CHUNK = 4_096  # windows that are in memory
ALMOST_EQUAL = 0.9999  # correlation of a column known in advance with a target
OUTSIDE = 0.05  # of later values beyond the range of training


def read_windows(table: SeriesTable, context: ReadContext) -> Examples:
    """Turn series into examples that are split by time.

    Args:
        table: all series of the source.
        context: the settings, and the receiver of series that cannot be used.

    Raises:
        UserError: for a gap, a series without an example, a column that is known in
            advance and equals a target, or a split without an example.
    """
    params = context.params.series
    series = [Windows(part, params) for part in table.series]
    for windows in series if params.gaps == "error" else ():
        _check_gaps(windows, table, context)
    where = _cuts(series, context)
    end = table.grid.text(where.train)
    series = [w for w in series if _usable(w, where, end, context)]
    if not series:
        raise UserError(f"{context.source}: no series can be used")
    _check_known(series, where, context)
    for windows in series if params.gaps == "split" else ():
        _list_gaps(windows, table, context)
    make = _labeled if params.label else _examples
    return make(series, where, table, context)


def _cuts(series: list[Windows], context: ReadContext) -> TimeCuts:
    ends = [windows.series.start + windows.length for windows in series]
    begin = min(windows.series.start for windows in series)
    params = context.params.series
    steps = params.ahead or 1
    return cuts(context.params.split, begin, max(ends), steps, params.between)


def _usable(
    windows: Windows, where: TimeCuts, train_end: str, context: ReadContext
) -> bool:
    """Return whether a series has an example and a scale; else report it."""
    params, reason = windows.params, ""
    needed = params.history + params.ahead
    scale = windows.scale(where.train)
    if not len(windows.first):
        reason = (
            f"has {windows.length:,} steps, and no {needed:,} in a row without a gap, "
            f"as data.series.window {params.window} (or season {params.season}) and "
            f"horizon {params.ahead} need"
        )
    elif params.label:
        pass  # nothing is predicted
    elif np.isnan(scale).any():
        reason = (
            f"has no {params.season + 1} steps before {train_end}, the end of "
            "training, so errors have no scale"
        )
    elif (scale == 0).any():
        name = params.targets[int(np.argmin(scale))]
        reason = (
            f'repeats itself exactly in training ("{name}" equals its value '
            f"{quantity(params.season, 'step')} earlier), so MASE divides by 0"
        )
    if reason:
        context.bad(windows.series.title, reason, context.name)
    return not reason


def _check_gaps(windows: Windows, table: SeriesTable, context: ReadContext) -> None:
    values = windows.series.values[: windows.length]
    missing = np.isnan(values)
    if not missing.any():
        return
    step = int(np.flatnonzero(missing.any(axis=1))[0])
    whole = missing[step].all()
    after = np.flatnonzero(~missing[step:].any(axis=1))
    count = int(after[0]) if len(after) else len(values) - step
    names = [windows.params.names[k] for k in np.flatnonzero(missing[step])]
    what = f"{quantity(count, 'row')}" if whole else f"{', '.join(names)}"
    local = (
        "; if times are local, with daylight saving, set data.series.timezone"
        if whole and table.grid.unit == "seconds" and table.grid.step <= 3600
        else ""
    )
    raise UserError(
        f"{context.name}: {windows.series.title} has a gap at "
        f"{table.grid.text(windows.series.start + step)} (missing: {what}); set "
        "data.series.gaps to split (no example reaches across a gap) or fill (the last "
        f"value is repeated in inputs){local}"
    )


def _list_gaps(windows: Windows, table: SeriesTable, context: ReadContext) -> None:
    """List the gaps of a series in skipped.csv."""
    missing = np.isnan(windows.series.values[: windows.length]).any(axis=1)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], missing, [0]])))
    for begin, end in zip(edges[::2], edges[1::2]):
        place = table.grid.text(windows.series.start + int(begin))
        title = f"{windows.series.title}, {place}"
        reason = f"{quantity(int(end - begin), 'step')} missing; no example crosses it"
        context.skipped.append((context.source, title, reason))


def _check_known(series: list[Windows], where: TimeCuts, context: ReadContext) -> None:
    """Refuse a column that is called known in advance and equals a target."""
    params = context.params.series
    first = len(params.targets) + len(params.observed)
    values = np.concatenate(
        [w.series.values[: max(0, where.train - w.series.start)] for w in series]
    )
    values = values[~np.isnan(values).any(axis=1)]
    for offset, known in enumerate(params.known):
        for k, target in enumerate(params.targets):
            if _are_equal(values[:, [first + offset, k]].T):
                raise UserError(
                    f'data.series.known: "{known}" equals the target "{target}" at the '
                    f"same time (correlation above {ALMOST_EQUAL}), so it is known "
                    "only with it; move it to data.series.observed or "
                    "data.columns.ignore"
                )


def _are_equal(pair: Array) -> bool:
    """Return whether two columns, `(2, n)`, are a linear function of each other."""
    if pair.shape[1] < 3 or (np.std(pair, axis=1) == 0).any():
        return False
    return bool(abs(np.corrcoef(pair)[0, 1]) > ALMOST_EQUAL)


def _examples(
    series: list[Windows], where: TimeCuts, table: SeriesTable, context: ReadContext
) -> Examples:
    params = context.params.series
    blocks = _Blocks(params, where, len(series))
    y, times, names = [], [], []
    writer = context.writer((params.window, len(params.inputs)), np.float32)
    for number, windows in enumerate(series):
        for begin in range(0, len(windows.first), CHUNK):
            first = windows.first[begin : begin + CHUNK]
            x = windows_at(windows.inputs, first, params.window)
            writer.append(x)
            position = first + windows.series.start
            block = blocks.numbers(position, number)
            y.append(_rows(windows, first, x, where, block))
            times.append(position)
            names += [_name(windows.series, table, int(p)) for p in position]
    writer.close()
    position = np.concatenate(times)
    splits = where.splits(position, params.horizon)
    targets = np.concatenate(y)
    _note_range(targets, splits, context)
    return Examples(
        x=writer.rows(),
        y=targets,
        classes=(),
        modality="series",
        steps=() if params.anchor == "none" else (_anchor(params),),
        learns="standardise",
        inputs=params.inputs,
        names=np.array(names),
        times=position,
        splits=splits,
        facts={
            "grid": table.grid.to_json(),
            "step": table.grid.words,
            "blocks": blocks.words,
            "series": len(series),
            "end_of_training": table.grid.text(where.train),
        },
    )


def _labeled(
    series: list[Windows], where: TimeCuts, table: SeriesTable, context: ReadContext
) -> Examples:
    """Return windows with the class of their last row."""
    params = context.params.series
    labels: list[str] = []
    names: list[str] = []
    positions = []
    with context.writer((params.window, len(params.inputs)), np.float32) as writer:
        for windows in series:
            assert windows.series.labels is not None
            for begin in range(0, len(windows.first), CHUNK):
                first = windows.first[begin : begin + CHUNK]
                writer.append(windows_at(windows.inputs, first, params.window))
                labels += windows.series.labels[first - 1].tolist()
                positions.append(first - 1 + windows.series.start)
                names += [_name(windows.series, table, int(p)) for p in positions[-1]]
    allowed, position = context.params.classes, np.concatenate(positions)
    y, classes = context.class_numbers([label_name(text, allowed) for text in labels])
    if (y < 0).any():
        unknown = int(np.argmin(y))
        reason = context.outside(labels[unknown])
        raise UserError(f"{context.name}: {names[unknown]}: {reason}")
    return Examples(
        x=writer.rows(),
        y=y,
        classes=classes,
        modality="series",
        steps=() if params.anchor == "none" else (_anchor(params),),
        learns="standardise",
        inputs=params.inputs,
        names=np.array(names),
        times=position,
        splits=where.splits(position, 1),
    )


def _anchor(params: SeriesParams) -> Anchor:
    return Anchor(tuple(range(len(params.targets))), params.anchor)


def _rows(
    windows: Windows, first: Array, x: Array, where: TimeCuts, block: Array
) -> Array:
    """Return the rows of `y`, see `SeriesColumns`."""
    params, count = windows.params, len(windows.params.targets)
    steps = first[:, None] + np.arange(params.horizon)[None]
    level = np.zeros((len(first), count))
    if params.anchor != "none":
        level = _anchor(params).level(x)[:, :count].astype(np.float64)
    columns = SeriesColumns(params.horizon, count)
    scale = np.broadcast_to(windows.scale(where.train), level.shape)
    return columns.join(
        windows.targets[steps], windows.naive(first), scale, level, block
    )


def _name(series: Series, table: SeriesTable, position: int) -> str:
    time = table.grid.text(position)
    return f"{series.name} {time}" if series.name else time


@dataclass(frozen=True)
class _Blocks:
    """Blocks of examples that a bootstrap draws together.

    Examples whose targets overlap depend on each other; blocks of time hold the
    examples of all series. Where there are more series than blocks of time in
    validation, a series is a block.
    """

    params: SeriesParams
    where: TimeCuts
    series: int

    @property
    def length(self) -> int:
        return max(self.params.horizon, self.params.season)

    @property
    def by_series(self) -> bool:
        begin, end = self.where.validation
        return self.series > (end - begin) // self.length

    @property
    def words(self) -> str:
        return "series" if self.by_series else f"{self.length} steps of time"

    def numbers(self, position: Array, series: int) -> Array:
        if self.by_series:
            return np.full(len(position), series)
        return position // self.length - self.where.train // self.length


def _note_range(y: Array, splits: Array, context: ReadContext) -> None:
    """Note that later values leave the range of training."""
    params = context.params.series
    columns = SeriesColumns(params.horizon, len(params.targets))
    targets = columns.targets(y) - columns.level(y)[:, None]
    train, later = targets[splits == 0], targets[splits > 0]
    if not len(train) or not len(later):
        return
    low, high = train.min(axis=(0, 1)), train.max(axis=(0, 1))
    outside = float(((later < low) | (later > high)).mean())
    if outside > OUTSIDE:
        advice = "" if params.anchor != "none" else "; data.series.anchor: mean or last"
        context.note(
            f"{outside:.0%} of the validation and test targets are outside of the "
            f"range of the training targets{advice}"
        )
