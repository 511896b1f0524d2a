"""Messages name the command as the user started it."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.core.exit_codes import ExitCode
from pipeline.core.invocation import MAKE, PROGRAM, command

DIGITS = Path("experiments/digits")


@pytest.fixture
def started(monkeypatch):
    """Set how the command line was started."""

    def start(program: str | None = None, make: bool = False) -> None:
        for name, text in ((PROGRAM, program), (MAKE, "1" if make else None)):
            monkeypatch.delenv(name, raising=False)
            if text is not None:
                monkeypatch.setenv(name, text)

    return start


CASES = [
    (
        ("run", "train"),
        {"folder": DIGITS},
        "run train --exp digits",
        "train EXP=digits",
    ),
    (("run",), {"folder": DIGITS}, "run --exp digits", "all EXP=digits"),
    (("clean",), {"folder": DIGITS}, "clean --exp digits", "clean-exp EXP=digits"),
    (
        ("run",),
        {"folder": DIGITS, "overrides": ["seed=2", "augment.policy=flip | pad(2)"]},
        "run --exp digits --set seed=2 --set 'augment.policy=flip | pad(2)'",
        "all EXP=digits SET='seed=2 '\"'\"'augment.policy=flip | pad(2)'\"'\"''",
    ),
]


@pytest.mark.parametrize(("words", "options", "script", "make"), CASES)
def test_a_command_is_named_as_script_module_or_make(
    started, words, options, script, make
):
    started()
    assert command(*words, **options) == f"keras-frontier {script}"
    started("python -m pipeline")
    assert command(*words, **options) == f"python -m pipeline {script}"
    started("python -m pipeline", make=True)
    assert command(*words, **options) == f"make {make}"


def test_what_make_has_no_target_for_is_named_as_the_program(started):
    started("python -m pipeline", make=True)
    expected = "python -m pipeline new mine --source SOURCE"
    assert command("new", "mine", "--source", "SOURCE") == expected
    forced = command("run", "train", "--force", folder=DIGITS)
    assert forced == "python -m pipeline run train --force --exp digits"


def test_another_root_is_named(started, tmp_path, monkeypatch):
    started()
    folder = tmp_path / "my own" / "digits"
    assert command("lock", folder=folder).endswith(f"--root '{tmp_path}/my own'")
    monkeypatch.chdir(tmp_path)
    inside = tmp_path / "experiments" / "digits"
    assert command("lock", folder=inside) == "keras-frontier lock --exp digits"


def test_exit_codes_are_those_of_the_documentation():
    assert [int(code) for code in ExitCode] == [0, 1, 2, 3, 4, 5, 130]
