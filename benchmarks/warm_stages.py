"""Stages in forks of one process that has TensorFlow loaded: no start-up per stage.

with warm_stages():
    load_experiment("experiments/smoke").run("train")
"""

from __future__ import annotations

import importlib
import io
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

from benchmarks.processors import imitated
from pipeline.engine import runner, stage_main
from pipeline.engine.stage_process import Listener, Message
from pipeline.engine.time_limits import TimeLimit

# Nothing of these runs an operation when it is imported: a fork stays possible.
LIBRARIES = (
    "tensorflow",
    "keras",
    "sklearn.linear_model",
    "ai_edge_litert.interpreter",
)


@contextmanager
def warm_stages() -> Iterator[None]:
    """Run stages in forks of this process.

    Its environment must hold the pins, which libraries read when they are imported.
    """
    for name in LIBRARIES:
        importlib.import_module(name)
    with mock.patch.object(runner, "run_in_process", run_in_fork):
        yield


def run_in_fork(
    request: Message,
    log: Path,
    environment: dict[str, str],
    listener: Listener,
    kept: tuple[int, ...] = (),
    limit: TimeLimit | None = None,
) -> Message:
    """Do what `pipeline.engine.stage_process.run_in_process` does, in a fork."""
    reader, writer = os.pipe()
    request = {**request, "channel": writer, "parent": os.getpid()}
    sys.stdout.flush()
    pid = os.fork()
    if not pid:
        os.close(reader)
        _child(request, log, environment)
    os.close(writer)
    with os.fdopen(reader) as messages:
        lines = messages.read().splitlines()
    _, status = os.waitpid(pid, 0)
    if status or not lines:
        raise RuntimeError(log.read_text(errors="replace"))
    result: Message = json.loads(lines[-1])
    return result


def _child(request: Message, log: Path, environment: dict[str, str]) -> None:
    """Run the stage as its own process would, and end the process."""
    code = 1
    try:
        output = os.open(log, os.O_WRONLY | os.O_CREAT)
        os.dup2(output, 1)
        os.dup2(output, 2)
        sys.stdin = io.StringIO(json.dumps(request))
        os.environ.clear()
        os.environ.update({**environment, **imitated(environment)})
        code = stage_main.main()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
