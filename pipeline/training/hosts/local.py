"""Hosts as plain processes of this machine.

In: the folder of a job. Out: running processes, and how they ended. They are forked
from a server process, which has imported JAX and TensorFlow once, and where Keras is on
JAX; a restart imports nothing.
"""

from __future__ import annotations

import multiprocessing
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import forkserver
from pathlib import Path
from typing import Any

from pipeline.engine.process_environment import python_path
from pipeline.engine.workers.pool import ending

WORKER = "pipeline.training.hosts.worker"  # imported by name: Keras is on JAX there


class LocalHosts:
    """Processes of this machine, each of which counts as a host.

    Args:
        folder: of the job.
        count: number of processes.
    """

    def __init__(self, folder: Path, count: int):
        self.folder, self.count = folder, count
        self.processes: list[Any] = []

    def start(self) -> None:
        """Start all processes."""
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload([WORKER])
        with _environment():
            forkserver.ensure_running()
        address = f"127.0.0.1:{free_port()}"
        self.processes = [
            context.Process(
                target=work_in_process,
                args=(self.folder, rank, self.count, address),
                daemon=True,
            )
            for rank in range(self.count)
        ]
        for process in self.processes:
            process.start()

    def endings(self) -> list[str | None]:
        """Return how each process ended: empty for success, None while it runs."""
        return [_ending(process.exitcode) for process in self.processes]

    def stop(self) -> None:
        """Kill the processes that still run, and wait for all."""
        for process in self.processes:
            process.kill()
            process.join()


def _ending(code: int | None) -> str | None:
    return ending(code) if code else None if code is None else ""


def work_in_process(folder: Path, rank: int, count: int, address: str) -> None:
    """Take part in a fit in a process of the server.

    Args:
        folder: of the job.
        rank: number of this process, from 0.
        count: number of processes.
        address: HOST:PORT of the first one.
    """
    from pipeline.engine.parent_watch import die_with_parent
    from pipeline.training.hosts.worker import work

    die_with_parent(os.getppid())
    log = os.open(log_file(folder, rank), os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for stream in (1, 2):
        os.dup2(log, stream)
    work(folder, rank, count, address)


def environment() -> dict[str, str]:
    """Return the variables that a process whose Keras runs on JAX differs in."""
    return {"KERAS_BACKEND": "jax", "PYTHONPATH": python_path(os.environ)}


@contextmanager
def _environment() -> Iterator[None]:
    """Set the variables of the server while it starts."""
    before = {name: os.environ.get(name) for name in environment()}
    os.environ.update(environment())
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            os.environ.update({} if value is None else {name: value})


def free_port(host: str = "127.0.0.1") -> int:
    """Return a port that nobody listens on.

    Args:
        host: address of this machine; default loopback.
    """
    with socket.socket() as listener:
        listener.bind((host, 0))
        return int(listener.getsockname()[1])


def log_file(folder: Path, rank: int) -> Path:
    """Return the file with the output of a process."""
    return folder / f"host-{rank}.log"
