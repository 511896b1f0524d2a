"""An earlier search's best come first, where they are inside the space."""

from __future__ import annotations

import pytest

from pipeline.core.errors import UserError
from pipeline.core.json_io import write_json
from pipeline.tune.importance import importance
from pipeline.tune.params import TuneParams
from pipeline.tune.sources import warm_source
from pipeline.tune.warm_start import warm_values
from tests.helpers.tune_toys import space


def row(score, **values):
    return {"score": score, "values": values}


INSIDE = {"learning_rate": 2e-3, "dropout": 0.1, "filters": 16}
ROWS = [
    row(0.8, **{**INSIDE, "filters": 8}),
    row(0.9, **INSIDE),
    row(0.99, **{**INSIDE, "filters": 64}),  # outside
    row(None, **INSIDE),
]


def test_the_best_inside_come_first_and_take_a_third_at_most(tmp_path):
    path = tmp_path / "trials.json"
    write_json(path, {"trials": ROWS, "space": []})
    found = warm_values(TuneParams(warm_start=str(path), trials=6), space())
    assert [values["filters"] for values in found] == [16, 8]
    assert warm_values(TuneParams(warm_start=str(path), trials=3), space()) == found[:1]


def test_the_file_is_part_of_the_fingerprint(tmp_path):
    path = tmp_path / "trials.json"
    params = TuneParams(warm_start=str(path))
    assert warm_source(params) == {str(path): None}
    path.write_text("{}")
    first = warm_source(params)
    path.write_text("[]")
    assert None not in first.values() and warm_source(params) != first
    assert warm_source(TuneParams()) == {}


BAD = [
    (None, "there is no such file"),
    ({"other": 1}, "not a trials.json file"),
    ({"trials": [row(0.5, filters=99)]}, "none of its 1 scored trials is inside"),
]


@pytest.mark.parametrize(("content", "said"), BAD)
def test_what_is_no_earlier_search_is_refused(tmp_path, content, said):
    path = tmp_path / "trials.json"
    if content:
        write_json(path, content)
    with pytest.raises(UserError, match=said):
        warm_values(TuneParams(warm_start=str(path)), space())


def test_importance_finds_what_decides():
    values = [{"a": n % 5, "b": n % 3, "c": "xy"[n % 2]} for n in range(60)]
    parts = importance(values, [one["a"] * 1.0 for one in values], ["a", "b", "c"])
    assert next(iter(parts)) == "a" and parts["a"] > 0.9
    assert sum(parts.values()) == pytest.approx(1, abs=0.01)


def test_importance_of_too_little_is_empty():
    assert importance([{"a": 1}] * 3, [1.0, 2.0, 3.0], ["a"]) == {}
    assert importance([{"a": 1}] * 9, [1.0] * 9, ["a"]) == {}
