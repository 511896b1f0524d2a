"""The history that `predict` reads, and rolling folds of published series."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.core.errors import UserError
from pipeline.core.json_io import write_json
from pipeline.data.artifact import read_data
from pipeline.data.params import DataParams
from pipeline.data.stage import run
from pipeline.engine.stage import Inputs
from pipeline.inference.input_readers import raw_array, read_raw
from pipeline.inference.predict import preprocess
from pipeline.train.cross_validation import folds

STEPS, WINDOW, HORIZON = 90, 6, 2
WAVE = np.sin(np.arange(STEPS)) + np.arange(STEPS) % 7
PLAN = np.arange(STEPS) % 5


def write(path, rows: list[tuple]) -> str:
    lines = ["step,y,plan", *(",".join(map(str, row)) for row in rows)]
    path.write_text("\n".join(lines) + "\n")
    return str(path)


def history(known: int = HORIZON, step: int = 1) -> list[tuple]:
    """20 rows, then those of the plan."""
    rows = [(k * step, WAVE[k], PLAN[k]) for k in range(20)]
    return rows + [((20 + k) * step, "", PLAN[20 + k]) for k in range(known)]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("series")
    path = write(folder / "t.csv", list(zip(range(STEPS), WAVE, PLAN)))
    series = {"time": "step", "targets": ["y"], "known": ["plan"], "anchor": "last"}
    params = DataParams(
        source=f"csv:{path}",
        task="forecasting",
        series={**series, "window": WINDOW, "horizon": HORIZON, "season": 7},
    )
    out = folder / "data"
    out.mkdir()
    metrics = run(params, Inputs({}, seed=1), out)
    assert metrics["forecast"]["step"] == "1"
    assert metrics["numbers"]["train"]["low"] == pytest.approx(WAVE[7:54].min())
    write_json(out / "params.json", params.model_dump(mode="json"))
    return read_data(out)


def test_the_stored_window_is_that_of_the_data_stage(data, tmp_path):
    rows = list(zip(range(30), WAVE, PLAN))
    examples = read_raw(
        write_path(tmp_path, [*rows[:20], (20, "", 0), (21, "", 1)]), data
    )
    stored = preprocess(examples, data)
    with np.load(data.folder / "splits.npz") as splits:
        (position,) = np.flatnonzero(splits["train_time"] == 20)
    assert np.allclose(stored[0], data.train().x[position])
    (facts,) = examples.facts
    assert facts["times"] == ["20", "21"]
    assert facts["level"] == pytest.approx([WAVE[19]], rel=1e-6)


def write_path(folder, rows):
    write(folder / "now.csv", rows)
    return folder / "now.csv"


def test_windows_in_an_array_have_a_level_too(data):
    raw = np.ones((2, WINDOW, 3), np.float32)
    assert [f["level"] for f in raw_array(raw, data).facts] == [[1.0], [1.0]]


REFUSED = [
    (history(known=1), "needs rows with plan for the next 2 steps"),
    (history()[:3], "has 3 rows with all targets, and the model needs the last 6"),
    (history(step=5), "its rows are 5 apart, and those of training 1"),
    ([(0, "high", 0), *history()[1:]], "row 2: column \"y\" is 'high', not a number"),
    ([*history()[:17], *history()[18:]], 'a gap in "y" in its last 6 rows'),
    ([*reversed(history())], "sort the rows of a series by time"),
]


@pytest.mark.parametrize(("rows", "message"), REFUSED)
def test_a_history_that_does_not_serve_is_one_error(data, tmp_path, rows, message):
    with pytest.raises(UserError, match=message) as error:
        read_raw(write_path(tmp_path, rows), data)
    assert len(str(error.value).splitlines()) == 1


def test_folds_train_on_the_past_alone(data):
    times = data.times()
    x = np.concatenate([data.train().x, data.validation().x])
    for training, held_out in folds(data, 3, 1):
        ends = [
            np.array(
                [times[np.flatnonzero((x == row).all((1, 2)))[0]] for row in split.x]
            )
            for split in (training, held_out)
        ]
        assert ends[0].max() + 2 * HORIZON <= ends[1].min()
