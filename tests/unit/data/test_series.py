"""Series from tables: times, gaps, windows, splits by time, and bad input."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from pipeline.core.errors import UserError
from pipeline.data.params import DataParams
from pipeline.data.series.steps import Anchor
from pipeline.data.series.time_split import cuts, rolling
from pipeline.data.series.times import TimeError, TimeReader, grid_of
from pipeline.data.series.windows import filled
from pipeline.data.sources.series_dataset import best_error
from pipeline.data.split_params import SplitParams
from pipeline.tasks.targets import SeriesColumns

STEPS = 60
SMALL = {"window": 6, "horizon": 2, "season": 3, "targets": ["y"]}


def wave(count: int = STEPS) -> np.ndarray:
    return np.sin(np.arange(count)) + 0.1 * np.arange(count)


def hours(count: int = STEPS) -> list[str]:
    begin = datetime(2026, 1, 1)
    return [str(begin + timedelta(hours=k)) for k in range(count)]


@pytest.fixture
def table(tmp_path):
    """`table(columns)` writes a CSV file and returns its source."""

    def write(columns: dict[str, list]) -> str:
        lines = [
            ",".join(columns),
            *(",".join(map(str, r)) for r in zip(*columns.values())),
        ]
        (tmp_path / "t.csv").write_text("\n".join(lines) + "\n")
        return f"csv:{tmp_path / 't.csv'}"

    return write


@pytest.fixture
def forecast(read, table):
    """`forecast(columns, data keys, **series keys)` reads the windows of a table."""

    def read_table(columns: dict[str, list], data: dict | None = None, **series):
        source = table(columns)
        keys = {**SMALL, **series}
        return read(source=source, task="forecasting", series=keys, **(data or {}))

    return read_table


class TestTimes:
    def read(self, cells, form=None, zone=None):
        reader, times = TimeReader(cells[0], form, zone), []
        for cell in cells:
            times.append(reader.read(cell, times[-1] if times else None))
        return reader, np.array(times)

    @pytest.mark.parametrize(
        ("cells", "form", "words", "third"),
        [
            (
                ["2026-01-31 10:00", "2026-01-31 10:15"],
                None,
                "15 minutes",
                "2026-01-31 10:30:00Z",
            ),
            (
                ["2026-01-31T10:00Z", "2026-01-31T11:00Z"],
                None,
                "1 hour",
                "2026-01-31 12:00:00Z",
            ),
            (["2026-02-27", "2026-02-28"], None, "1 day", "2026-03-01"),
            (["2026-11", "2026-12"], None, "1 month", "2027-01-01"),
            (["2025-12-31", "2026-01-31"], None, "1 month", "2026-02-28"),
            (["31.12.2025", "01.01.2026"], "%d.%m.%Y", "1 day", "2026-01-02"),
            (["1958", "1959"], None, "1", "1960"),
        ],
    )
    def test_the_step_is_detected_and_times_are_written(
        self, cells, form, words, third
    ):
        reader, times = self.read(cells, form)
        grid = grid_of([times], reader.numeric)
        assert grid.words == words and grid.text(2) == third
        assert np.allclose(grid.positions(times), [0, 1])

    def test_local_times_repeat_an_hour_in_autumn(self):
        cells = [
            "2026-10-25 01:00",
            "2026-10-25 02:00",
            "2026-10-25 02:00",
            "2026-10-25 03:00",
        ]
        _, times = self.read(cells, zone="Europe/Berlin")
        assert np.diff(times).tolist() == [3600] * 3
        grid = grid_of([times], False, "Europe/Berlin")
        assert grid.text(2) == "2026-10-25 02:00:00+01:00"
        moment = datetime(2026, 10, 25, 3, tzinfo=ZoneInfo("Europe/Berlin"))
        assert times[3] == moment.astimezone(UTC).timestamp()

    def test_an_hour_that_does_not_exist_is_named(self):
        with pytest.raises(TimeError, match="does not exist in Europe/Berlin"):
            self.read(["2026-03-29 02:30"], zone="Europe/Berlin")

    @pytest.mark.parametrize(
        "cell", ["31.01.2026", "2026-01-31 10:00", "7", "", "soon"]
    )
    def test_another_notation_is_an_error(self, cell):
        with pytest.raises(TimeError, match="not written as the first"):
            self.read(["2026-01-31", cell])

    def test_an_unknown_notation_advises_a_format(self):
        with pytest.raises(
            TimeError, match=r"set data.series.format, such as %d.%m.%Y"
        ):
            self.read(["31.01.2026"])


class TestSplits:
    def test_targets_of_two_splits_have_a_gap_between_them(self):
        where = cuts(SplitParams(), 0, 100, horizon=5, gap=5)
        first = np.arange(96)
        numbers = where.splits(first, 5)
        ends = {
            k: (first[numbers == k].min(), first[numbers == k].max() + 5)
            for k in range(3)
        }
        assert ends == {0: (0, 60), 1: (65, 80), 2: (85, 100)}

    def test_folds_are_rolling_backtests(self):
        ends = []
        for fold in range(3):
            where = cuts(SplitParams(folds=3, fold=fold), 0, 200, 5, 5)
            assert where.train + 5 <= where.validation[0] < where.validation[1]
            assert where.validation[1] + 5 == where.test[0]
            ends.append(where.test[1])
        assert ends == [100, 150, 200]

    def test_a_split_without_room_is_one_error(self):
        with pytest.raises(UserError, match="left for validation, and one example"):
            cuts(SplitParams(), 0, 40, horizon=5, gap=5)

    def test_no_training_target_is_held_out_or_later(self):
        first = np.random.default_rng(1).permutation(np.arange(60))
        for fitted, held_out in rolling(first, horizon=4, gap=4, count=3):
            assert first[fitted].max() + 4 + 4 <= first[held_out].min()


class TestWindows:
    def test_a_window_is_followed_by_its_targets(self, forecast):
        y = wave()
        merged = forecast({"time": hours(), "y": y})
        examples, columns = merged.examples, SeriesColumns(2, 1)
        position = examples.times
        x = examples.x[:]
        assert x.shape == (len(position), 6, 1)
        for k in (0, len(position) - 1):
            at = position[k]
            assert np.allclose(x[k, :, 0], y[at - 6 : at], atol=1e-6)
            targets, naive = (
                part(examples.y)[k, :, 0] for part in (columns.targets, columns.naive)
            )
            assert np.allclose(targets, y[at : at + 2])
            assert np.allclose(naive, y[at - 3 : at - 1])

    def test_the_scale_is_the_naive_error_in_training_alone(self, forecast):
        y = wave()
        merged = forecast({"time": hours(), "y": y})
        past = y[:36]  # 60 % of the steps
        expected = np.abs(past[3:] - past[:-3]).mean()
        scale = SeriesColumns(2, 1).scale(merged.examples.y)
        assert np.allclose(scale, expected)

    def test_known_columns_reach_to_the_end_of_the_horizon(self, forecast):
        plan = np.arange(STEPS) % 5
        columns = {"time": hours(), "y": wave(), "plan": plan, "heat": np.arange(STEPS)}
        examples = forecast(
            columns, observed=["heat"], known=["plan"], delays={"heat": 2}
        ).examples
        assert examples.inputs == ("y", "heat", "plan", "plan +2")
        at, window = examples.times[3], examples.x[:][3]
        assert window[-1].tolist()[1:] == [at - 3, plan[at - 1], plan[at + 1]]

    def test_an_anchor_makes_numbers_relative_to_the_window(self, forecast):
        y = wave()
        for by in ("mean", "last"):
            examples = forecast({"time": hours(), "y": y}, anchor=by).examples
            (step,) = examples.steps
            raw = examples.x[:]
            level = raw[:, :, 0].mean(1) if by == "mean" else raw[:, -1, 0]
            assert step == Anchor((0,), by)
            assert np.allclose(
                step.apply(raw)[..., 0], raw[..., 0] - level[:, None], atol=1e-5
            )
            assert np.allclose(SeriesColumns(2, 1).level(examples.y)[:, 0], level)

    def test_several_series_are_split_at_one_time(self, forecast):
        columns = {
            "time": hours() * 2,
            "name": ["a"] * STEPS + ["b"] * STEPS,
            "y": [*wave(), *(wave() * 3)],
        }
        merged = forecast(columns, id="name")
        times = merged.examples.times
        assert times[merged.indices["train"]].max() + 2 <= 36
        assert times[merged.indices["validation"]].min() >= 38
        assert merged.examples.facts["series"] == 2
        assert merged.examples.name(0) == "a 2026-01-01 06:00:00Z"

    def test_series_without_order_between_them_may_mix_their_rows(self, forecast):
        order = np.argsort(np.tile(np.arange(STEPS), 2), kind="stable")
        columns = {
            "time": np.array(hours() * 2)[order],
            "name": np.array(["a"] * STEPS + ["b"] * STEPS)[order],
            "y": np.concatenate([wave(), wave() * 3])[order],
        }
        assert forecast(columns, id="name").examples.facts["series"] == 2

    def test_missing_numbers_are_filled_with_the_last_one(self):
        values = np.array([[np.nan, 1], [2, np.nan], [np.nan, 3]])
        expected = np.array([[np.nan, 1], [2, 1], [2, 3]])
        assert np.array_equal(filled(values), expected, equal_nan=True)

    def test_no_example_predicts_a_filled_number(self, forecast):
        y = [f"{v:.3f}" for v in wave()]
        y[20] = ""
        kept = forecast({"time": hours(), "y": y}, gaps="fill").examples.times
        assert 20 not in kept and 19 not in kept and 21 in kept
        merged = forecast({"time": hours(), "y": y}, gaps="split")
        assert not {*range(19, 27)} & {*merged.examples.times.tolist()}
        assert "1 step missing" in merged.skipped[0][2]


def without(values: list, position: int) -> list:
    return [*values[:position], *values[position + 1 :]]


REFUSED = [
    (
        {"time": [*hours()[1:], hours()[0]]},
        {},
        "row 61: its time .* is before that of row 60",
    ),
    (
        {"time": [hours()[0], *hours()[:-1]]},
        {},
        "row 3: its time .* is that of row 2.*daylight",
    ),
    (
        {"time": [*hours()[:9], "10.01.2026", *hours()[10:]]},
        {},
        "row 11: .*not written as the first",
    ),
    (
        {"time": [*hours()[:9], "2026-01-01 09:20:00", *hours()[10:]]},
        {},
        "row 11: its time is not a mul",
    ),
    (
        {"y": [*wave()[:9], "", *wave()[10:]]},
        {},
        "has a gap at 2026-01-01 09:00:00Z .missing: 1 row",
    ),
    (
        {"y": [*wave()[:9], "high", *wave()[10:]]},
        {},
        "row 11: column \"y\" is 'high', not a number",
    ),
    ({"y": [7.0] * STEPS}, {}, "repeats itself exactly in training"),
    ({}, {"window": 70}, "has 60 steps, and no 72 in a row"),
    ({}, {"time": "when"}, 'no column "when".*set data.series.time'),
    ({"other": range(STEPS)}, {}, "the columns other have no role"),
    (
        {"copy": wave() * 2},
        {"known": ["copy"]},
        '"copy" equals the target "y" at the same time',
    ),
]


@pytest.mark.parametrize(("columns", "series", "message"), REFUSED)
def test_bad_input_is_one_clear_error(forecast, columns, series, message):
    with pytest.raises(UserError, match=message) as error:
        forecast({"time": hours(), "y": wave(), **columns}, **series)
    assert len(str(error.value).splitlines()) == 1


def test_a_missing_row_is_a_gap_with_an_advice_about_daylight(forecast):
    columns = {"time": without(hours(), 30), "y": without([*wave()], 30)}
    with pytest.raises(
        UserError, match="1 row.*data.series.gaps.*data.series.timezone"
    ):
        forecast(columns)


def test_bad_rows_and_series_are_listed_where_they_are_skipped(forecast):
    columns = {
        "time": hours() * 2,
        "name": ["a"] * STEPS + ["flat"] * STEPS,
        "y": [*wave()[:9], "high", *wave()[10:], *([1.0] * STEPS)],
    }
    skip = {"on_bad_example": "skip"}
    merged = forecast(columns, skip, id="name", gaps="split")
    places = {place for _, place, _ in merged.skipped}
    assert {"row 11", 'series "flat"'} <= places
    assert merged.examples.facts["series"] == 1


WRONG = [
    ({"split": {"use_source_splits": False}}, "split by time"),
    ({"split": {"group": "y"}}, "split by time"),
    ({"extend": "csv:b.csv"}, "put all series into one file"),
    ({"series": {**SMALL, "known": ["y"]}}, "has two roles"),
    ({"series": {**SMALL, "known": ["z"], "delays": {"z": 1}}}, "used before its time"),
    ({"series": {**SMALL, "quantiles": [0.1, 0.9]}}, "with the median"),
    ({"series": {**SMALL, "timezone": "Mars/Base"}}, "no time zone"),
    (
        {"series": {**SMALL, "known": ["z"], "horizon": 9}},
        "must be at least the horizon",
    ),
    ({"source": "npz:a.npz"}, "has no rows with times"),
    ({"series": {**SMALL, "label": "state"}}, "series.label is for classes"),
]


@pytest.mark.parametrize(("keys", "message"), WRONG)
def test_leakage_and_contradictions_are_refused_before_anything_is_read(keys, message):
    values = {"source": "csv:a.csv", "task": "forecasting", "series": SMALL, **keys}
    with pytest.raises(ValueError, match=message):
        DataParams.model_validate(values)


def test_later_values_outside_of_the_range_of_training_are_noted(forecast):
    rising = np.arange(STEPS) + wave()
    (note,) = forecast({"time": hours(), "y": rising}).notes
    assert "outside of the range" in note and "data.series.anchor" in note
    assert not forecast({"time": hours(), "y": rising}, anchor="last").notes


def test_the_best_error_grows_with_the_horizon_up_to_the_spread():
    errors = [best_error(h) for h in (1, 24, 5000)]
    assert errors == sorted(errors)
    assert errors[2] == pytest.approx(np.sqrt(2 / np.pi * (30**2 + 30**2)), rel=0.01)


class TestLabels:
    def columns(self) -> dict[str, list]:
        state = ["ok"] * STEPS
        state[30] = state[45] = state[58] = "bad"
        return {"time": hours(), "y": wave(), "state": state}

    def read(self, read, table, **keys):
        series = {**SMALL, "label": "state"}
        task = {"task": "anomaly_detection", "normal": ["ok"], **keys}
        return read(source=table(self.columns()), series=series, **task)

    def test_a_window_has_the_class_of_its_last_row(self, read, table):
        merged = self.read(read, table)
        examples, y = merged.examples, wave()
        assert examples.classes == ("bad", "ok")
        assert np.flatnonzero(examples.y == 0).tolist() == [
            int(np.flatnonzero(examples.times == k)[0]) for k in (30, 45, 58)
        ]
        at = examples.times[7]
        assert np.allclose(examples.x[:][7, :, 0], y[at - 5 : at + 1], atol=1e-6)

    def test_windows_of_two_splits_share_no_row(self, read, table):
        merged = self.read(read, table)
        times = [
            merged.examples.times[merged.indices[n]]
            for n in ("train", "validation", "test")
        ]
        for before, after in pairwise(times):
            assert before.max() < after.min() - SMALL["window"] + 1

    @pytest.mark.parametrize(
        "keys", [{"extend": "csv:b.csv"}, {"split": {"group": "y"}}]
    )
    def test_splits_that_are_not_by_time_are_refused(self, read, table, keys):
        with pytest.raises(ValueError, match="is not for series.label"):
            self.read(read, table, **keys)
