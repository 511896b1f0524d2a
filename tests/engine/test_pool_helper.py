"""The helper answers in one process, and outlives its failures."""

from __future__ import annotations

import os

from pipeline.engine.workers import server
from pipeline.core.errors import UserError
from pipeline.engine.workers.server import Helper


def work(what: str):
    if what == "die":
        os._exit(3)
    if what == "refuse":
        raise UserError("mend it")
    return what, os.getpid()


def test_answers_come_from_one_other_process():
    helper = Helper(work)
    (_, first), (_, second) = (helper.ask("x").value for _ in range(2))
    assert first == second != os.getpid()
    helper.close()


def test_a_refusal_and_a_death_are_reasons_and_it_goes_on():
    helper = Helper(work)
    assert helper.ask("refuse").error == "mend it"
    assert "ended with code 3" in helper.ask("die").error
    assert helper.ask("x").value[0] == "x"
    helper.close()


def test_its_memory_goes_back_now_and_then(monkeypatch):
    monkeypatch.setattr(server, "LIFE", 3)
    helper = Helper(work)
    assert len({helper.ask("x").value[1] for _ in range(7)}) == 3
    helper.close()
