"""A stage that is silent is heard of, and one that is too slow ends."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from pydantic import ValidationError

from pipeline.engine import stage_process
from pipeline.engine.time_limits import MinuteParams, TimeLimit, time_limit
from pipeline.experiment.schema import Experiment

LIMIT = TimeLimit(10, "limits.minutes.stage")


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands still until a test moves it."""
    clock = SimpleNamespace(now=100.0)
    time = SimpleNamespace(monotonic=lambda: clock.now)
    monkeypatch.setattr(stage_process, "time", time)
    return clock


def test_the_last_progress_is_repeated_once_a_minute(clock):
    texts = []
    listener = SimpleNamespace(
        progress=lambda message: texts.append(message["progress"])
    )
    news = stage_process._News(listener, None)
    for _ in range(300):
        clock.now += 0.5
        news.beat()
    assert texts == ["running (no news for 1 min)", "running (no news for 2 min)"]
    news.progress({"progress": "epoch 3/60", "done": 3, "total": 60})
    clock.now += 61
    news.beat()
    assert texts[2:] == ["epoch 3/60", "epoch 3/60 (no news for 1 min)"]
    assert news.overdue() is None


def test_beyond_the_limit_the_message_says_where_it_was_and_what_to_do(clock):
    news = stage_process._News(SimpleNamespace(progress=print), LIMIT)
    news.progress({"progress": "trial 3/20", "done": 3, "total": 20})
    clock.now += 599
    assert news.overdue() is None
    clock.now += 2
    error = news.overdue()
    assert error["exit_code"] == 1
    assert error["error"].startswith(
        "took longer than 10 minutes (limits.minutes.stage); it was at: trial 3/20. "
    )


def test_limits_reach_the_stages_and_change_no_fingerprint(tmp_path):
    data = {"source": "sklearn:digits"}
    limits = {"minutes": {"trial": 3.0, "variant": None}}
    job = Experiment.model_validate({"data": data, "limits": limits}).job(tmp_path)
    plain = Experiment.model_validate({"data": data}).job(tmp_path)
    assert job.minutes == {"trial": 3.0, "variant": None, "stage": None}
    assert time_limit(job.minutes, "trial") == TimeLimit(3.0, "limits.minutes.trial")
    assert time_limit(job.minutes, "variant") is None
    assert job.settings == plain.settings
    assert [p.hashed() for p in job.params.values()] == [
        p.hashed() for p in plain.params.values()
    ]
    assert [stage.name for stage in job.chain if not stage.limited] == ["train"]


@pytest.mark.parametrize("minutes", [0, -1, 30_001, float("inf"), float("nan")])
def test_a_limit_is_a_time_that_the_system_can_wait(minutes):
    with pytest.raises(ValidationError):
        MinuteParams(trial=float(minutes))
    longest = TimeLimit(30_000.0, "limits.minutes.trial")
    assert longest.seconds * 1000 < 2**31
