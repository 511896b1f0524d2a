"""Run a reader on many mutants, in a forked process with limits on memory and time.

A mutant passes when the reader answers, or refuses it in one printable sentence. A
process that ends at a mutant (a crash of a C library, or a limit) is a failure too; the
next process goes on behind it.
"""

from __future__ import annotations

import json
import mmap
import os
import resource
import signal
import struct
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random
from typing import Any, TextIO

from pipeline.core.errors import UserError
from pipeline.data.folders import BadFileError
from tests.helpers.mutations import Mutator, bytes_changed

SECONDS = 5.0  # of processor time for one mutant
WAITING = 120.0  # seconds in which one mutant must be read, on a busy machine
ADDRESSES = 3_000_000_000  # bytes of address space beyond those of the fresh process
RESIDENT = 300_000_000  # bytes of memory that one mutant may add
LONGEST = 1_000  # characters of a sentence
CRASHES = 5  # after these a reader is not tried further


@dataclass(frozen=True)
class Reader:
    """A reader and a valid file.

    Args:
        file: name of the file; a reader may ask for a suffix.
        seed: makes the content of the valid file.
        read: reads a file; raises `UserError` or `BadFileError`.
        mutate: see `tests.helpers.mutations`.
        lines: how many sentences an answer may have; default 1.
        threads: its libraries start threads, which a fork does not keep; they are
            imported by every child. Default False: once, by this process.
    """

    file: str
    seed: Callable[[], bytes]
    read: Callable[[Path], object]
    mutate: Mutator = bytes_changed
    lines: int = 1
    threads: bool = False


def mutant(name: str, reader: Reader, seed: bytes, number: int) -> bytes:
    """Make one mutant; number 0 is the valid file itself."""
    return reader.mutate(seed, Random(f"{name} {number}")) if number else seed


def failures(name: str, reader: Reader, count: int) -> list[str]:
    """Read mutants, and describe those that do not pass.

    Args:
        name: of the reader.
        reader: what is tried.
        count: number of mutants.
    """
    seed = reader.seed()
    made = {
        f"{name} {number}": partial(mutant, name, reader, seed, number)
        for number in range(count + 1)
    }
    return failures_of(reader, seed, made)


def failures_of(
    reader: Reader, seed: bytes, mutants: Mapping[str, Callable[[], bytes]]
) -> list[str]:
    """Read mutants, and describe those that do not pass.

    Args:
        reader: what is tried.
        seed: the valid file.
        mutants: name -> what makes it.
    """
    if not reader.threads:
        _read_valid(reader, seed)  # imports libraries for all children
    shared, names = mmap.mmap(-1, 8), list(mutants)
    failed: list[str] = []
    begin = crashes = 0
    while begin < len(names) and crashes < CRASHES:
        rest = {name: mutants[name] for name in names[begin:]}
        status, problems = _in_child(reader, seed, rest, shared)
        failed += problems
        if not status:
            break
        number = begin + int(struct.unpack("q", shared[:8])[0])
        failed.append(f"{names[number]}: the process ended ({_reason(status)})")
        begin, crashes = number + 1, crashes + 1
    return failed


def problem_of(reader: Reader, path: Path) -> str:
    """Read a file; return what is wrong with the outcome, or nothing."""
    try:
        reader.read(path)
    except (UserError, BadFileError) as error:
        text = str(error)
        sentences = text.split("\n")
        if len(sentences) > reader.lines or not all(s.isprintable() for s in sentences):
            return f"not printable in a line: {text[:300]!r}"
        longest = max(map(len, sentences))
        return f"{longest} characters: {text[:300]!r}" if longest > LONGEST else ""
    except BaseException as error:
        frame = error.__traceback__
        while frame and frame.tb_next:
            frame = frame.tb_next
        code = frame.tb_frame.f_code if frame else None
        place = f"{code.co_filename}:{frame.tb_lineno}" if code and frame else ""
        return f"{type(error).__name__}: {str(error)[:300]!r} at {place}"
    return ""


def _read_valid(reader: Reader, seed: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / reader.file
        path.write_bytes(seed)
        reader.read(path)


def _in_child(
    reader: Reader, seed: bytes, mutants: Mapping[str, Any], shared: mmap.mmap
) -> tuple[int, list[str]]:
    source, sink = os.pipe()
    child = os.fork()
    if not child:
        os.close(source)
        code = 1
        try:
            with os.fdopen(sink, "w") as pipe:
                _read_all(reader, seed, mutants, shared, pipe)
            code = 0
        finally:
            os._exit(code)
    os.close(sink)
    with os.fdopen(source) as pipe:
        problems = [json.loads(line) for line in pipe]
    return os.waitpid(child, 0)[1], problems


def _read_all(
    reader: Reader,
    seed: bytes,
    mutants: Mapping[str, Any],
    shared: mmap.mmap,
    pipe: TextIO,
) -> None:
    """Read the mutants in the child, under limits."""
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 1)
    os.dup2(null, 2)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / reader.file
        os.chdir(folder)
        path.write_bytes(seed)
        reader.read(path)  # imports libraries, before the limits
        addresses = _kilobytes("VmSize") * 1024 + ADDRESSES
        resource.setrlimit(resource.RLIMIT_AS, (addresses, addresses))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        for number, (name, make) in enumerate(mutants.items()):
            path.write_bytes(make())
            shared[:8] = struct.pack("q", number)
            with _limits():
                before = _kilobytes("VmRSS")
                problem = problem_of(reader, path)
                added = (_kilobytes("VmHWM") - before) * 1024
            if added > RESIDENT:
                problem = problem or f"takes {added / 1e6:,.0f} MB"
            if problem:
                pipe.write(json.dumps(f"{name}: {problem}") + "\n")
                pipe.flush()


@contextmanager
def _limits() -> Iterator[None]:
    """End the process where the block takes too long; measure its memory anew."""
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    Path("/proc/self/clear_refs").write_text("5")  # VmHWM is that of the block
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    signal.setitimer(signal.ITIMER_REAL, WAITING)
    yield
    signal.setitimer(signal.ITIMER_PROF, 0)
    signal.setitimer(signal.ITIMER_REAL, 0)


def _kilobytes(field: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1])
    raise LookupError(field)


def _reason(status: int) -> str:
    if not os.WIFSIGNALED(status):
        return f"exit code {os.waitstatus_to_exitcode(status)}"
    name = signal.Signals(os.WTERMSIG(status)).name
    slow = {"SIGPROF": f"more than {SECONDS:g} s of processor time", "SIGALRM": "waits"}
    return slow.get(name, name)
