"""Damaged files of every format: a reader answers, or says in one sentence why not.

`make test` reads a few mutants per reader, and what once failed; `make test-all` reads
20,000 of them, each under a limit of memory and time. See `tests.helpers.fuzzing`.
"""

from __future__ import annotations

import subprocess
import sys
from functools import partial

import pytest

from tests.helpers.fuzz_kept import KEPT
from tests.helpers.fuzz_readers import READERS
from tests.helpers.fuzzing import failures, failures_of, mutant
from tests.helpers.project import ROOT

FEW = 12
MANY = 560
# Mutants of readers that take long: they import TensorFlow, which a fork of a process
# with it cannot.
SLOW = {name: 150 for name, reader in READERS.items() if reader.threads}
FORKED = [name for name in READERS if name not in SLOW]
LEAST = 20_000  # mutants in all


def counts() -> dict[str, int]:
    """Reader -> number of mutants."""
    return {name: SLOW.get(name, MANY) for name in READERS}


def test_there_are_mutants_enough():
    assert sum(counts().values()) >= LEAST


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", FORKED)
def test_a_few_damaged_files(name):
    assert not failures(name, READERS[name], FEW)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", FORKED)
def test_many_damaged_files(name):
    failed = failures(name, READERS[name], counts()[name])
    print(f"{name}: {counts()[name] - len(failed):,} of {counts()[name]:,} passed")
    assert not failed


@pytest.mark.slow
@pytest.mark.parametrize("name", SLOW)
def test_many_damaged_models_in_keras(name):
    command = [sys.executable, "-m", "tests.helpers.fuzz_readers", name]
    done = subprocess.run(
        [*command, str(SLOW[name])], cwd=ROOT, capture_output=True, text=True
    )
    print(done.stdout)
    assert not done.returncode, done.stdout + done.stderr[-2000:]


@pytest.mark.parametrize("name", sorted({name for name, _ in KEPT.values()}))
def test_what_once_failed(name):
    """Each of these led to a traceback, an unreadable message or the end of Python."""
    reader = READERS[name]
    seed = reader.seed()
    changes = {case: change for case, (kept, change) in KEPT.items() if kept == name}
    for case, change in changes.items():
        assert change(seed) != seed, case
    made = {case: partial(change, seed) for case, change in changes.items()}
    assert not failures_of(reader, seed, made)


def test_a_mutant_can_be_made_again():
    reader = READERS["png"]
    seed = reader.seed()
    assert mutant("png", reader, seed, 7) == mutant("png", reader, seed, 7) != seed
    assert mutant("png", reader, seed, 0) == seed
