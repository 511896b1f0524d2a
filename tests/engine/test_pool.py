"""Isolated tasks: values come back, failures are reasons, the rest goes on."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import time

import pytest

from pipeline.core.errors import UserError
from pipeline.engine.workers.pool import Pool
from pipeline.engine.workers.server import Helper
from pipeline.engine.progress import Progress


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
    (lambda: raises(UserError("mend it")), "mend it"),
    (lambda: os.kill(os.getpid(), signal.SIGKILL), "ended by SIGKILL"),
    (lambda: os._exit(3), "ended with code 3"),
    (lambda: sys.exit(4), "ended with code 4"),
]


@pytest.mark.parametrize(("task", "reason"), FAILURES)
def test_a_failed_task_has_a_reason_and_the_others_go_on(task, reason, capfd):
    pool = Pool(workers=1)
    pool.submit("bad", task)
    pool.submit("good", lambda: 1)
    outcomes = {outcome.key: outcome for outcome in pool.drain()}
    assert reason in outcomes["bad"].error
    assert "\n" not in outcomes["bad"].error
    assert outcomes["good"].value == 1


def test_no_more_than_the_workers_run_at_once(tmp_path):
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


def test_two_workers_take_turns_at_the_same_time():
    pool = Pool(workers=2)
    begin = time.monotonic()
    for number in range(2):
        pool.submit(number, time.sleep, 0.5)
    assert len(list(pool.drain())) == 2
    assert time.monotonic() - begin < 0.95


def test_waiting_for_nothing_is_an_error():
    with pytest.raises(LookupError):
        Pool(workers=1).wait()


def once(path, how) -> str:
    """Goes wrong the first time."""
    if not path.exists():
        path.touch()
        how()
    return "done"


LOSSES = [
    lambda: os.kill(os.getpid(), signal.SIGKILL),
    lambda: raises(MemoryError()),
    lambda: raises(OSError("disk")),
]


@pytest.mark.parametrize("how", LOSSES)
def test_a_task_that_was_lost_is_tried_once_more(tmp_path, how):
    pool = Pool(workers=1)
    pool.submit("x", once, tmp_path / "tried", how)
    assert pool.wait().value == "done"


def test_a_task_that_refused_is_not_tried_again(tmp_path):
    pool = Pool(workers=1)
    pool.submit("x", once, tmp_path / "tried", lambda: raises(UserError("no")))
    assert pool.wait().error == "no"


def seen(number: int) -> tuple[int, int]:
    """Its square, and in which process."""
    if number == 3:
        raise UserError("no")
    return number**2, os.getpid()


def test_a_spawned_pool_answers_as_a_forked_one():
    found = []
    for method in ("fork", "spawn"):
        pool = Pool(2, method)
        for number in range(5):
            pool.submit(number, seen, number)
        ended = {one.key: one for one in pool.drain()}
        processes = {one.value[1] for one in ended.values() if one.value}
        assert len(processes) == 4 and os.getpid() not in processes
        told = {
            key: (one.value and one.value[0], one.error) for key, one in ended.items()
        }
        found.append(told)
    assert found[0] == found[1] and found[1][3] == (None, "no")


def test_a_spawned_helper_answers_too():
    with contextlib.closing(Helper(seen, "spawn")) as helper:
        answers = [helper.ask(number) for number in (2, 3, 4)]
    assert [one.error for one in answers] == [None, "no", None]
    assert answers[0].value[1] == answers[2].value[1] != os.getpid()


def test_progress_goes_along_into_a_spawned_process():
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
