"""Errors, intervals and predictions of forecasts, against known numbers."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from pipeline.metrics import bootstrap
from pipeline.tasks.forecasting.errors import COVERED, MASE, SMAPE, Layout, errors
from pipeline.tasks.forecasting.evaluation import Forecasts, compare
from pipeline.tasks.forecasting.floor import FLOOR
from pipeline.tasks.forecasting.metric import METRIC
from pipeline.tasks.forecasting.pictures import Drawing, choose
from pipeline.tasks.forecasting.prediction import PREDICTION
from pipeline.tasks.forecasting.targets import TARGETS
from pipeline.tasks.registry import get
from pipeline.tasks.spec import TaskSpec
from pipeline.tasks.targets import Labels, SeriesColumns

RNG = np.random.default_rng(4)
COUNT, HORIZON = 40, 3
COLUMNS = SeriesColumns(HORIZON, 2)
TARGET = {
    "name": "a, b",
    "names": ["a", "b"],
    "horizon": HORIZON,
    "season": 2,
    "quantiles": [],
    "anchor": "none",
    "mean": [10.0, -5.0],
    "deviation": [2.0, 0.5],
}
SPEC = TaskSpec("t", "csv:t", (6, 2), "float32", (), task="forecasting", target=TARGET)
WIDE = replace(SPEC, target={**TARGET, "quantiles": [0.1, 0.5, 0.9]})


def raw_rows() -> np.ndarray:
    """Rows of `y` in the unit of the data; the scale of errors is 4 and 1."""
    numbers = RNG.normal(size=(2, COUNT, HORIZON, 2)) * [2, 0.5] + [10, -5]
    scale = np.tile([4.0, 1.0], (COUNT, 1))
    blocks = np.arange(COUNT) // 5
    return COLUMNS.join(*numbers, scale, np.zeros((COUNT, 2)), blocks)


RAW = raw_rows()


def stored(raw: np.ndarray = RAW) -> np.ndarray:
    labels = Labels(
        raw, (), {name: np.arange(COUNT) for name in ("train", "validation")}, COUNT
    )
    series = SimpleNamespace(
        horizon=HORIZON,
        targets=["a", "b"],
        between=3,
        season=2,
        quantiles=[],
        anchor="none",
    )
    prepared = TARGETS(
        labels, SimpleNamespace(series=series, target_unit="standardized")
    )
    scale = replace(
        prepared.target,
        mean=np.array(TARGET["mean"]),
        deviation=np.array(TARGET["deviation"]),
    )
    return scale.scaled(raw)


Y = stored()


def outputs_of(numbers: np.ndarray) -> np.ndarray:
    """Outputs for forecasts in the unit of the data."""
    scaled = (numbers - TARGET["mean"]) / TARGET["deviation"]
    return scaled.reshape(COUNT, -1).astype(np.float32)


GUESS = COLUMNS.targets(RAW) + RNG.normal(size=(COUNT, HORIZON, 2))


class TestErrors:
    def test_mase_and_smape_are_those_of_the_numbers_themselves(self):
        true = COLUMNS.targets(RAW)
        received = errors(Layout(SPEC), outputs_of(GUESS), Y)
        mase = (np.abs(true - GUESS) / [4.0, 1.0]).mean(axis=(1, 2))
        smape = 2 * np.abs(true - GUESS) / (np.abs(true) + np.abs(GUESS))
        assert np.allclose(received[:, MASE], mase, atol=1e-5)
        assert np.allclose(received[:, SMAPE], smape.mean(axis=(1, 2)), atol=1e-5)

    def test_a_perfect_forecast_has_no_error(self):
        received = errors(Layout(SPEC), outputs_of(COLUMNS.targets(RAW)), Y)
        assert np.allclose(received[:, :3], 0, atol=1e-6)

    def test_the_pinball_loss_of_one_number_is_its_mase(self):
        received = errors(Layout(SPEC), outputs_of(GUESS), Y)
        assert np.allclose(received[:, 2], received[:, MASE])

    def test_coverage_counts_targets_between_the_outer_levels(self):
        true = outputs_of(COLUMNS.targets(RAW)).reshape(COUNT, HORIZON, 2, 1)
        inside = np.concatenate([true - 1, true, true + 1], axis=-1)
        outside = inside + 2
        crossed = inside[..., ::-1]
        for quantiles, share in ((inside, 1.0), (outside, 0.0), (crossed, 1.0)):
            flat = quantiles.reshape(COUNT, -1)
            assert (errors(Layout(WIDE), flat, Y)[:, COVERED] == share).all()

    def test_the_floor_is_the_seasonal_naive_forecast(self):
        naive = outputs_of(COLUMNS.naive(RAW))
        for spec in (SPEC, WIDE):
            evidence = FLOOR(spec).evidence(Y, Y)
            expected = errors(Layout(SPEC), naive, Y)
            assert np.allclose(evidence[:, :2], expected[:, :2], atol=1e-5)


class TestIntervals:
    def test_whole_blocks_are_drawn(self):
        metric, evidence = METRIC(SPEC), errors(Layout(SPEC), outputs_of(GUESS), Y)
        weights = next(metric._weights(Y, 10, 1))
        assert all(
            len({*row[k : k + 5]}) == 1 for row in weights for k in range(0, COUNT, 5)
        )
        low, high = metric.interval(evidence, Y, 200, 1)
        assert low < metric.value(evidence, Y) < high

    def test_one_block_has_no_interval(self):
        y, metric = Y.copy(), METRIC(SPEC)
        y[:, -1] = 3
        evidence = errors(Layout(SPEC), outputs_of(GUESS), y)
        assert metric.interval(evidence, y, 50, 1) is None
        assert metric.drop_interval(evidence, evidence, y, 1, 50) is None

    def test_dependent_examples_widen_the_interval(self):
        metric = METRIC(SPEC)
        evidence = np.repeat(RNG.normal(size=(8, 4)), 5, axis=0)  # equal in a block
        low, high = metric.interval(evidence, Y, 500, 1)
        plain = bootstrap.bootstrap_weights(COUNT, 500, 1)
        ((a, b),) = bootstrap.percentile_intervals(
            bootstrap.mean(evidence[:, 0]), plain
        )
        assert high - low > 1.5 * (b - a)


class TestComparison:
    def test_a_worse_file_has_a_drop_and_errors_per_step(self):
        good, bad = (outputs_of(COLUMNS.targets(RAW) + e) for e in (0.1, 1.0))
        row = compare(
            Forecasts(SPEC, good, Y), Forecasts(SPEC, bad, Y), 50, 1
        ).to_json()
        assert row["drop"] > 0 and row["drop_interval"][0] > 0
        assert row["mase"] == pytest.approx(np.mean(row["steps"]))
        assert row["series"] == pytest.approx([1 / 4, 1.0], rel=1e-4)
        assert row["coverage"] is None and row["change"]["smape"]["value"] > 0

    def test_examples_that_are_drawn_are_different_ones(self):
        before, after = RNG.random((2, 30))
        positions = [position for position, _ in choose(before, after)]
        assert len({*positions}) == len(positions) and int(after.argmax()) in positions
        assert choose(before[:1], after[:1]) == [(0, "changed")]

    def test_a_drawing_is_in_the_unit_of_the_data(self):
        step = SimpleNamespace(mean=(10.0, -5.0), deviation=(2.0, 0.5))
        data = SimpleNamespace(steps=lambda: [step])
        x = RNG.normal(size=(COUNT, 6, 2))
        context = SimpleNamespace(test=SimpleNamespace(x=x), data=data)
        outputs = outputs_of(GUESS)
        drawing = Drawing(context, Layout(SPEC), Y, outputs, outputs)
        assert np.allclose(drawing.truth(3), COLUMNS.targets(RAW)[3], atol=1e-5)
        assert np.allclose(drawing.forecast(outputs, 3)[..., 0], GUESS[3], atol=1e-5)
        assert np.allclose(drawing.past(3, 1), x[3, :, 1] * 0.5 - 5)


class TestPrediction:
    def test_numbers_have_the_unit_of_the_data_and_their_times(self):
        rows = PREDICTION.rows(outputs_of(GUESS), np.empty(0), SPEC, {})
        facts = {"series": "s", "times": ["t1", "t2", "t3"], "level": [100.0, 0.0]}
        row = PREDICTION.located(rows[2], facts)
        assert np.allclose(row["forecast"]["a"], GUESS[2, :, 0] + 100, atol=1e-4)
        assert np.allclose(row["forecast"]["b"], GUESS[2, :, 1], atol=1e-4)
        assert PREDICTION.text(row).startswith("t1 to t3  a 1")
        header, *lines = PREDICTION.table([{"input": "f.csv", **row}])
        assert header == ["input", "series", "time", "a", "b"]
        assert [line[:3] for line in lines] == [
            ["f.csv", "s", t] for t in facts["times"]
        ]

    def test_quantiles_ascend(self):
        outputs = RNG.normal(size=(2, HORIZON * 2 * 3)).astype(np.float32)
        (row, _) = PREDICTION.rows(outputs, np.empty(0), WIDE, {})
        low, middle, high = (
            np.array(row["quantiles"]["a"][q]) for q in ("0.1", "0.5", "0.9")
        )
        assert (low <= middle).all() and (middle <= high).all()
        assert row["forecast"]["a"] == middle.tolist()
        assert PREDICTION.table([row])[0][3:] == [
            *("a", "b", "a 0.1", "a 0.5", "a 0.9", "b 0.1", "b 0.5", "b 0.9")
        ]


def test_the_output_has_a_number_per_step_series_and_level():
    task = get("forecasting")
    assert task.output_shape(SPEC) == (6,) and task.output_shape(WIDE) == (18,)
