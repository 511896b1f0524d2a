"""Several fits in parallel processes, identified by name.

In: named tasks. Out: their results, by name. The parent must have run no TensorFlow
operation: see `pipeline.engine.workers.pool`. On a machine with a GPU the processes are
spawned, and tasks must be picklable.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from pipeline.core.determinism import derive_seed
from pipeline.core.errors import (
    StageFailed,
    UserError,
    error_with_code,
    from_os_error,
)
from pipeline.engine.workers.pool import Outcome, Pool
from pipeline.training.devices import start_method
from pipeline.training.gpu_memory import CONTEXT, check_workers


def replicate_seed(seed: int, number: int) -> int:
    """Return the stage's seed for replicate 0, and derived seeds for the others."""
    return derive_seed(seed, "replicate", number) if number else seed


def run_all(
    tasks: Mapping[str, Callable[[], Any]],
    workers: int,
    progress: Callable[..., None],
    key: str = "workers",
    needed: int = CONTEXT,
) -> dict[str, Any]:
    """Run all tasks, each in its own process.

    Args:
        tasks: name -> function without arguments.
        workers: maximum number of processes at the same time.
        progress: called with a line of text after each task, if there are several.
        key: dotted key of `workers`, for the error.
        needed: bytes on a GPU of each task; default: what every process takes.

    Returns:
        Name -> result, in the order of `tasks`.

    Raises:
        UserError: the reason of the first task that fails, with its exit code; or more
            workers than fit on the GPU.
    """
    check_workers(min(workers, len(tasks)), key, needed)
    pool, results = Pool(workers, start_method()), {}
    for name, task in tasks.items():
        pool.submit(name, _guarded, task)
    for outcome in pool.drain():
        results[outcome.key] = _value(outcome, f"{outcome.key}: ")
        if len(tasks) > 1:
            line = f"{len(results)}/{len(tasks)} fits  {outcome.key} is done"
            progress(line, done=len(results), total=len(tasks))
    return {name: results[name] for name in tasks}


def check_first(check: Callable[[], Any]) -> int:
    """Run a check that all tasks have in common, once, in its own process.

    Args:
        check: function without arguments; it may return the bytes that a task needs on
            a GPU.

    Returns:
        These bytes; without them, those that every process takes.

    Raises:
        UserError: its reason, without the name of a task.
    """
    pool = Pool(1, start_method())
    pool.submit("check", _guarded, partial(_bytes_needed, check))
    return int(_value(pool.wait(), ""))


def _bytes_needed(check: Callable[[], Any]) -> int:
    """Other results, such as models, need not be picklable."""
    value = check()
    return value if isinstance(value, int) else CONTEXT


def _value(outcome: Outcome, prefix: str) -> Any:
    if outcome.error:
        raise StageFailed(f"{prefix}{outcome.error}")
    value, error, code = outcome.value
    if error:
        raise error_with_code(f"{prefix}{error}", code)
    return value


def _guarded(task: Callable[[], Any]) -> tuple[Any, str | None, int]:
    try:
        return task(), None, 0
    except UserError as error:  # with its exit code, which the pool would lose
        return None, str(error), error.exit_code
    except OSError as error:
        explained = from_os_error(error)  # such as a full disk
        if explained is None:
            raise
        return None, str(explained), explained.exit_code
