"""Messages of the proof name the command as the user typed it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pipeline.core.errors import UserError
from pipeline.core.invocation import MAKE
from pipeline.reproduce import locking
from pipeline.reproduce.lock_file import LOCK, read_lock
from pipeline.reproduce.reproduction import _refused
from pipeline.reproduce.snapshot import _merged, of_run

FOLDER = Path("experiments/toy")
REPRODUCE = Path(locking.__file__).parent


def messages() -> list[str]:
    """One message of each kind, about the experiment `toy`."""
    found = [locking._relock(FOLDER), _refused([], FOLDER).lines[-1]]
    environment = {"machine": "a", "libraries": {}}
    for action in (
        lambda: read_lock(FOLDER / LOCK),
        lambda: of_run(FOLDER, ("data",)),
        lambda: _merged({"machine": "b", "libraries": {}}, environment, FOLDER / "x"),
    ):
        with pytest.raises(UserError) as caught:
            action()
        found.append(str(caught.value))
    return found


def test_the_script_is_named_where_the_user_typed_it(monkeypatch, tmp_path):
    monkeypatch.delenv(MAKE, raising=False)
    monkeypatch.chdir(tmp_path)
    for text in messages():
        assert "keras-frontier" in text and "--exp toy" in text
        assert not re.search(r"\bmake ", text.replace("make one with", ""))


def test_make_is_named_where_the_user_typed_it(monkeypatch, tmp_path):
    monkeypatch.setenv(MAKE, "1")
    monkeypatch.chdir(tmp_path)
    for text in messages():
        assert re.search(r"\bmake (lock|all|clean-exp) EXP=toy", text)


def test_no_message_of_the_package_names_a_command_by_hand():
    for path in REPRODUCE.glob("*.py"):
        text = path.read_text()
        assert not re.search(r"make (lock|all|clean)|python -m pipeline run \{", text)
