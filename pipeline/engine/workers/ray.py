"""A pool of workers on several machines: tasks of a Ray cluster.

    ray start --head                     on one machine; it prints an address
    ray start --address=HOST:6379        on each of the others

Every machine needs the same checkout and libraries, and the folder of the experiment
at the same path. Every task runs in a fresh process with the pins of this one. A task
that is lost with its process or machine is tried once more elsewhere.

    # Used as `pipeline.engine.workers.pool.Pool` is.
    pool = RayPool(workers=8, address="HOST:6379")
"""

from __future__ import annotations

import importlib
import os
import socket
from typing import Any

from pipeline.core.determinism import pins
from pipeline.core.errors import UserError
from pipeline.core.user_modules import ANNOUNCED
from pipeline.engine.time_limits import TimeLimit
from pipeline.engine.workers.pool import Outcome, Task, TaskPool, attempt, exceeded

MAX_REASON = 120  # characters of a reason
TIMEOUT = 10.0  # seconds in which the head must accept a connection
SPECIAL_ADDRESSES = ("auto", "local")  # as Ray defines them


class RayPool(TaskPool):
    """Tasks of a Ray cluster; functions and arguments must be picklable.

    Args:
        workers: maximum number of running tasks.
        address: HOST:PORT of a running cluster; default None starts one here.
        limit: maximum time of a task; default None.

    Raises:
        UserError: when Ray is not installed, or no cluster answers.
    """

    def __init__(
        self,
        workers: int,
        address: str | None = None,
        limit: TimeLimit | None = None,
    ):
        super().__init__(workers, limit)
        self.ray = _connect(workers, address)
        self.run = self.ray.remote(num_cpus=1, max_calls=1, max_retries=0)(attempt)

    def _start(self, task: Task) -> None:
        self._add(self.run.remote(task.function, task.args), task)

    def _ended(self) -> tuple[Task, Outcome, bool]:
        patience = {"timeout": self._patience()} if self.limit else {}
        ready, _ = self.ray.wait(list(self.running), num_returns=1, **patience)
        handle = ready[0] if ready else self._late()
        task = self._remove(handle)
        if ready or self.limit is None:
            return task, *self._outcome(task, handle)
        self.ray.cancel(handle, force=True)
        return task, exceeded(task.key, self.limit), False

    def _outcome(self, task: Task, done: Any) -> tuple[Outcome, bool]:
        try:
            value, error, lost = self.ray.get(done)
        except self.ray.exceptions.RayError as failure:
            line = next(iter(str(failure).strip().splitlines()), "no message")
            reason = f"{type(failure).__name__}: {line[:MAX_REASON]}"
            return Outcome(task.key, error=reason), True
        return Outcome(task.key, value, error), lost


def _connect(workers: int, address: str | None) -> Any:
    try:  # by name, so that it enters no fingerprint: it changes no result
        ray = importlib.import_module("ray")
    except ImportError:
        raise UserError(
            'ray is not installed; install the extra (pip install "ray==2.60.*")'
        ) from None
    if address:
        _check_address(address)
    if ray.is_initialized():
        return ray
    local = {} if address else {"num_cpus": workers, "include_dashboard": False}
    try:
        ray.init(address, log_to_driver=False, runtime_env=_environment(), **local)
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise _no_cluster(address, error) from None
    return ray


def _check_address(address: str) -> None:
    """Refuse a port without a listener at once; Ray itself would try for minutes."""
    if address in SPECIAL_ADDRESSES:
        return
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not (host and port.isascii() and port.isdecimal()):
        words = " or ".join(SPECIAL_ADDRESSES)
        raise UserError(f"{address!r} must be HOST:PORT, {words}")
    try:
        socket.create_connection((host.strip("[]"), int(port)), TIMEOUT).close()
    except (OSError, OverflowError, ValueError) as error:
        raise _no_cluster(address, error) from None


def _no_cluster(address: str | None, error: Exception) -> UserError:
    if address is None:
        return UserError(f"Ray does not start on this machine: {error}")
    return UserError(
        f"no Ray cluster answers at {address}: {error}; start one with: "
        "ray start --head"
    )


def _environment() -> dict[str, Any]:
    """The runtime environment of a task: the pins and the path of this process."""
    names = [*pins(1, "portable"), "PYTHONPATH", ANNOUNCED]
    return {
        "env_vars": {name: os.environ[name] for name in names if name in os.environ}
    }
