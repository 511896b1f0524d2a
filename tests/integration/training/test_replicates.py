"""Fits side by side: their names, their errors, their exit codes."""

from __future__ import annotations

import os

import pytest

from pipeline.core.errors import StageFailed, UserError
from pipeline.training.replicates import check_first, replicate_seed, run_all


def silent(*_, **__):
    pass


def fails(error: Exception):
    def task():
        raise error

    return task


def test_results_come_by_name_in_the_order_of_the_tasks():
    tasks = {f"fit {n}": (lambda n=n: n * n) for n in (3, 1, 2)}
    assert run_all(tasks, 2, silent) == {"fit 3": 9, "fit 1": 1, "fit 2": 4}


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (UserError("no such layer"), 2, "^bad: no such layer$"),
        (StageFailed("the loss became nan"), 1, "^bad: the loss became nan$"),
        (
            OSError(28, os.strerror(28)),
            2,
            "no space is left on the device; published results are unchanged",
        ),
        (ZeroDivisionError("0"), 1, "^bad: ZeroDivisionError: 0$"),
    ],
    ids=str,
)
def test_an_error_keeps_its_message_and_its_exit_code(error, code, words):
    with pytest.raises(UserError, match=words) as raised:
        run_all({"good": lambda: 1, "bad": fails(error)}, 1, silent)
    assert raised.value.exit_code == code


def test_a_common_error_is_raised_once_without_a_task_name():
    with pytest.raises(UserError, match="^no such layer$") as raised:
        check_first(fails(UserError("no such layer")))
    assert raised.value.exit_code == 2
    check_first(lambda: object)  # what it returns stays in its process


def test_the_first_replicate_has_the_stages_own_seed():
    assert replicate_seed(7, 0) == 7
    assert len({replicate_seed(7, n) for n in range(4)}) == 4
