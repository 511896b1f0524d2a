"""Fail every call that writes, one after the other, while a toy stage is published.

Run with `faults.c` preloaded: python -m tests.helpers.faults_drive ROOT ERRNO...
An ERRNO with a `+` is that of all calls from one on, as on a disk that stays full.
Prints one JSON line per case: the call that failed, its path, and what came of it.
Every case is a fork of this process in which the stage runs too, so that a case takes
milliseconds and the memory is that of a fresh process.
"""

from __future__ import annotations

import ctypes
import io
import json
import mmap
import os
import shutil
import sys
from pathlib import Path
from typing import Any

from pipeline.core.errors import UserError, watch_written_files
from pipeline.engine import runner, stage_main
from pipeline.engine.plan import verify_outputs
from pipeline.engine.stage_record import read_record
from tests.helpers.toy_chain import Toy

AGAIN = 5  # after one failure in so many that last, the command is repeated


class Control(ctypes.Structure):
    """The structure of faults.c that all processes share."""

    _fields_ = [
        ("armed", ctypes.c_int),
        ("error", ctypes.c_int),
        ("calls", ctypes.c_int),
        ("lasting", ctypes.c_int),
        ("call", ctypes.c_char * 32),
        ("path", ctypes.c_char * 4096),
    ]


def run_here(request, log, environment, listener, kept=(), limit=None):
    """Run a stage in this process, with its output in the log."""
    streams = sys.stdout, sys.stderr
    with log.open("w", buffering=1) as output:
        sys.stdout = sys.stderr = output
        stage_main.name_log(log)
        try:
            return stage_main._reply(request, io.StringIO())
        finally:
            sys.stdout, sys.stderr = streams


def case(
    toy: Toy, control: Control, number: int, code: int, lasting: bool = False
) -> dict[str, Any]:
    """Run with one failure, or all from it on, in a fork; describe the outcome."""
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        control.calls, control.error, control.armed = 0, code, number
        control.lasting = lasting
        os.write(writer, json.dumps(_attempt(toy)).encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        outcome = json.loads(pipe.read() or '{"error": "the process died"}')
    os.waitpid(child, 0)
    control.armed = 0
    calls = control.calls
    return {
        "call": control.call.decode(),
        "path": control.path.decode(),
        "calls": calls,
        "state": _state(toy),
        **outcome,
    }


def _attempt(toy: Toy) -> dict[str, Any]:
    try:
        toy.run("one")
    except UserError as error:
        return {"error": str(error)}
    except BaseException as error:
        return {"error": repr(error), "unexpected": True}
    return {"error": ""}


def _state(toy: Toy) -> str:
    """The published text, after what the next run does first; else the damage."""
    folder = toy.folder
    if not (folder / "one").exists() and (folder / ".one.old").exists():
        (folder / ".one.old").rename(folder / "one")
    try:
        record = read_record(folder / "one")
    except UserError as error:
        return str(error)
    damage = verify_outputs(folder / "one", record, toy.job.chain[0])
    return damage or toy.read("one")


def main(root: Path, codes: list[str]) -> None:
    """Run all cases and print them."""
    with Path(os.environ["FAULT_CONTROL"]).open("r+b") as file:
        control = Control.from_buffer(mmap.mmap(file.fileno(), 0))
    watch_written_files()
    runner.run_in_process = run_here
    runner.git_state = lambda files: None  # asks git, which writes nothing here
    toy = Toy(root, one={"text": "old"})
    toy.run("one")
    shutil.copytree(toy.folder, root / "before")
    toy.one["text"] = "new"
    total = case(toy, control, 0, 0)["calls"]
    for code in codes:
        for number in range(1, total + 1):
            control.call, control.path = b"", b""
            shutil.rmtree(toy.folder)
            shutil.copytree(root / "before", toy.folder)
            lasting = code.endswith("+")
            outcome = case(toy, control, number, int(code.rstrip("+")), lasting)
            if lasting and number % AGAIN == 0:  # the disk has room again
                outcome["again"] = case(toy, control, 0, 0)["state"]
            print(json.dumps({"error_number": code, **outcome}), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
