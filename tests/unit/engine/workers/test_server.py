"""The warm process: answers, failures, and its replacement."""

from __future__ import annotations

import os

from pipeline.core.errors import UserError
from pipeline.engine.workers import server
from pipeline.engine.workers.server import Helper


def work(command: str):
    if command == "die":
        os._exit(3)
    if command == "refuse":
        raise UserError("fix it")
    return command, os.getpid()


def test_answers_come_from_one_other_process():
    helper = Helper(work)
    (_, first), (_, second) = (helper.ask("x").value for _ in range(2))
    assert first == second != os.getpid()
    helper.close()


def test_it_survives_an_error_and_the_death_of_its_process():
    helper = Helper(work)
    assert helper.ask("refuse").error == "fix it"
    assert "ended with code 3" in helper.ask("die").error
    assert helper.ask("x").value[0] == "x"
    helper.close()


def test_the_process_is_replaced_after_a_number_of_calls(monkeypatch):
    monkeypatch.setattr(server, "MAX_CALLS", 3)
    helper = Helper(work)
    assert len({helper.ask("x").value[1] for _ in range(7)}) == 3
    helper.close()
