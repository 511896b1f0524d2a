"""The pool on other machines: the same tasks, as tasks of a Ray cluster.

    ray start --head                     on one machine; it prints an address
    ray start --address=HOST:6379        on each of the others

Every machine needs the same checkout and libraries, and the experiment's folder at
the same path. A task has a fresh process, with this process's pins in its
environment. What is lost with a process or a machine is tried once more elsewhere.

    pool = RayPool(workers=8, address="HOST:6379")    # as `pipeline.engine.workers.pool.Pool`
"""

from __future__ import annotations

import importlib
import os
import socket
from typing import Any

from pipeline.core.determinism import pins
from pipeline.core.errors import UserError
from pipeline.engine.workers.pool import Outcome, Task, TaskPool, attempt

LONGEST = 120  # characters of a reason
PATIENCE = 10.0  # seconds until a machine must have taken the connection
WORDS = ("auto", "local")  # addresses that Ray itself knows


class RayPool(TaskPool):
    """Tasks of a Ray cluster; arguments must pickle, too.

    Args:
        address: of a cluster that runs; None starts one on this machine.

    Raises:
        UserError: when Ray is not installed, or no cluster answers.
    """

    def __init__(self, workers: int, address: str | None = None):
        super().__init__(workers)
        self.ray = _connected(workers, address)
        self.run = self.ray.remote(num_cpus=1, max_calls=1, max_retries=0)(attempt)

    def _start(self, task: Task) -> None:
        self.running[self.run.remote(task.function, task.args)] = task

    def _ended(self) -> tuple[Task, Outcome, bool]:
        (done,), _ = self.ray.wait(list(self.running), num_returns=1)
        task = self.running.pop(done)
        return task, *self._outcome(task, done)

    def _outcome(self, task: Task, done: Any) -> tuple[Outcome, bool]:
        try:
            value, error, lost = self.ray.get(done)
        except self.ray.exceptions.RayError as failure:
            line = next(iter(str(failure).strip().splitlines()), "no message")
            reason = f"{type(failure).__name__}: {line[:LONGEST]}"
            return Outcome(task.key, error=reason), True
        return Outcome(task.key, value, error), lost


def _connected(workers: int, address: str | None) -> Any:
    try:  # by name: whether it is installed decides no result
        ray = importlib.import_module("ray")
    except ImportError:
        raise UserError(
            'ray is not installed; install the extra (pip install "ray==2.60.*")'
        ) from None
    if address:
        _check_answers(address)
    if ray.is_initialized():
        return ray
    here = {} if address else {"num_cpus": workers, "include_dashboard": False}
    try:
        ray.init(address, log_to_driver=False, runtime_env=_environment(), **here)
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise _nobody(address, error) from None
    return ray


def _check_answers(address: str) -> None:
    """Ray itself asks a port at which nobody listens for minutes."""
    if address in WORDS:
        return
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not (host and port.isascii() and port.isdecimal()):
        raise UserError(f"{address!r} is no HOST:PORT, and none of {', '.join(WORDS)}")
    try:
        socket.create_connection((host.strip("[]"), int(port)), PATIENCE).close()
    except (OSError, OverflowError, ValueError) as error:
        raise _nobody(address, error) from None


def _nobody(address: str | None, error: Exception) -> UserError:
    if address is None:
        return UserError(f"Ray does not start on this machine: {error}")
    return UserError(
        f"no Ray cluster answers at {address}: {error}; start one with: "
        "ray start --head"
    )


def _environment() -> dict[str, Any]:
    """What a task's process needs of this one's environment."""
    names = [*pins(1, "portable"), "PYTHONPATH"]
    return {
        "env_vars": {name: os.environ[name] for name in names if name in os.environ}
    }
