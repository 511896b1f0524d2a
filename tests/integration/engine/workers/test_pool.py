"""Isolated tasks: values, reasons of failures, repetitions and start methods."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import time

import pytest

from pipeline.core.errors import UserError
from pipeline.engine.progress import Progress
from pipeline.engine.time_limits import TimeLimit
from pipeline.engine.workers.pool import Pool
from pipeline.engine.workers.server import Helper


def test_each_task_has_a_process_and_a_value():
    pool = Pool(workers=2)
    for number in range(5):
        pool.submit(number, lambda n: (n * n, os.getpid()), number)
    outcomes = list(pool.drain())
    assert sorted((o.key, o.value[0]) for o in outcomes) == [
        (n, n * n) for n in range(5)
    ]
    assert len({outcome.value[1] for outcome in outcomes} | {os.getpid()}) == 6


def raises(error: Exception):
    raise error


FAILURES = [
    (lambda: raises(ValueError("bad\nmore")), "ValueError: bad"),
    (lambda: raises(UserError("fix it")), "fix it"),
    (lambda: os.kill(os.getpid(), signal.SIGKILL), "ended by SIGKILL"),
    (lambda: os._exit(3), "ended with code 3"),
    (lambda: sys.exit(4), "ended with code 4"),
]


@pytest.mark.parametrize(("task", "reason"), FAILURES)
def test_a_failed_task_has_a_reason_and_stops_no_other(task, reason, capfd):
    pool = Pool(workers=1)
    pool.submit("bad", task)
    pool.submit("good", lambda: 1)
    outcomes = {outcome.key: outcome for outcome in pool.drain()}
    assert reason in outcomes["bad"].error
    assert "\n" not in outcomes["bad"].error
    assert outcomes["good"].value == 1


def test_no_more_tasks_run_at_once_than_workers(tmp_path):
    def task(number: int) -> int:
        (tmp_path / str(number)).touch()
        time.sleep(0.1)
        count = len(list(tmp_path.iterdir()))
        (tmp_path / str(number)).unlink()
        return count

    pool = Pool(workers=2)
    for number in range(6):
        pool.submit(number, task, number)
    assert max(outcome.value for outcome in pool.drain()) <= 2


def test_two_workers_run_at_the_same_time(tmp_path):
    def meet(number: int) -> bool:
        (tmp_path / str(number)).touch()
        end = time.monotonic() + 300
        while len(list(tmp_path.iterdir())) < 2 and time.monotonic() < end:
            time.sleep(0.01)
        return time.monotonic() < end

    pool = Pool(workers=2)
    for number in range(2):
        pool.submit(number, meet, number)
    assert [outcome.value for outcome in pool.drain()] == [True, True]


def test_waiting_without_a_task_is_an_error():
    with pytest.raises(LookupError):
        Pool(workers=1).wait()


def fail_once(path, failure) -> str:
    """Fail in the first call."""
    if not path.exists():
        path.touch()
        failure()
    return "done"


LOSSES = [
    lambda: os.kill(os.getpid(), signal.SIGKILL),
    lambda: raises(MemoryError()),
    lambda: raises(OSError("disk")),
]


@pytest.mark.parametrize("failure", LOSSES)
def test_a_lost_task_is_tried_once_more(tmp_path, failure):
    pool = Pool(workers=1)
    pool.submit("x", fail_once, tmp_path / "tried", failure)
    assert pool.wait().value == "done"


def test_a_refused_task_is_not_tried_again(tmp_path):
    pool = Pool(workers=1)
    pool.submit("x", fail_once, tmp_path / "tried", lambda: raises(UserError("no")))
    assert pool.wait().error == "no"


def square(number: int) -> tuple[int, int]:
    """Return the square, and the id of the process; refuse 3."""
    if number == 3:
        raise UserError("no")
    return number**2, os.getpid()


def squares(method) -> dict[int, tuple[int | None, str | None]]:
    """Number -> its square and the reason of a failure, from five processes."""
    pool = Pool(2, method)
    for number in range(5):
        pool.submit(number, square, number)
    outcomes = {outcome.key: outcome for outcome in pool.drain()}
    processes = {outcome.value[1] for outcome in outcomes.values() if outcome.value}
    assert len(processes) == 4 and os.getpid() not in processes
    return {
        key: (outcome.value and outcome.value[0], outcome.error)
        for key, outcome in outcomes.items()
    }


def test_a_spawned_pool_returns_what_a_forked_one_returns():
    forked, spawned = squares("fork"), squares("spawn")
    assert forked == spawned and spawned[3] == (None, "no")


def test_a_spawned_helper_answers_too():
    with contextlib.closing(Helper(square, "spawn")) as helper:
        outcomes = [helper.ask(number) for number in (2, 3, 4)]
    assert [outcome.error for outcome in outcomes] == [None, "no", None]
    assert outcomes[0].value[1] == outcomes[2].value[1] != os.getpid()


def test_a_spawned_process_sends_progress():
    reader, writer = os.pipe()
    progress = Progress(os.fdopen(writer, "w", buffering=1))
    pool = Pool(1, "spawn")
    pool.submit("x", progress, "epoch 1/2", 1, 2)
    assert pool.wait().error is None
    progress.channel.close()
    with os.fdopen(reader) as pipe:
        assert json.loads(pipe.read()) == {
            "progress": "epoch 1/2",
            "done": 1,
            "total": 2,
        }


LIMIT = TimeLimit(0.3 / 60, "limits.minutes.trial")


def test_a_task_beyond_its_limit_fails_and_the_others_go_on(tmp_path):
    def task(number: int) -> int:
        (tmp_path / str(number)).write_text(str(os.getpid()))
        time.sleep(60 if number == 1 else 0)
        return number

    pool = Pool(workers=2, limit=LIMIT)
    for number in range(4):
        pool.submit(number, task, number)
    outcomes = {outcome.key: outcome for outcome in pool.drain()}
    assert outcomes[1].error == "took longer than 0.005 minutes (limits.minutes.trial)"
    assert outcomes[1].failure["exceeded"] == LIMIT.minutes
    assert [outcomes[n].value for n in (0, 2, 3)] == [0, 2, 3]
    assert not pool.deadlines  # nor the values of a cluster that they would keep
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "1").read_text()), 0)


def test_a_helper_beyond_its_limit_is_replaced():
    helper = Helper(lambda number: time.sleep(60 * number) or number, limit=LIMIT)
    assert helper.ask(0).value == 0
    assert "limits.minutes.trial" in helper.ask(1).error
    assert helper.ask(0).value == 0
    helper.close()
