"""Several fits side by side, each in a process of its own, told apart by name.

The parent must have run no TensorFlow operation: see `pipeline.engine.workers.pool`. Where
there is a GPU the processes are spawned, and tasks must pickle.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from pipeline.core.determinism import derive_seed
from pipeline.core.errors import StageFailed, UserError, from_os_error
from pipeline.engine.workers.pool import Outcome, Pool
from pipeline.fit.devices import start_method


def replicate_seed(seed: int, number: int) -> int:
    """The stage's own seed, then others derived from it."""
    return derive_seed(seed, "replicate", number) if number else seed


def run_all(
    tasks: Mapping[str, Callable[[], Any]],
    workers: int,
    progress: Callable[..., None],
) -> dict[str, Any]:
    """What each task returns, by its name.

    Raises:
        UserError: the first one's reason, with its exit code, when a task fails.
    """
    pool, found = Pool(workers, start_method()), {}
    for name, task in tasks.items():
        pool.submit(name, _guarded, task)
    for outcome in pool.drain():
        found[outcome.key] = _value(outcome, f"{outcome.key}: ")
        if len(tasks) > 1:
            told = f"{len(found)}/{len(tasks)} fits  {outcome.key} is done"
            progress(told, done=len(found), total=len(tasks))
    return {name: found[name] for name in tasks}


def check_first(check: Callable[[], Any]) -> None:
    """Run what all tasks have in common, once and before them, in a process.

    Raises:
        UserError: its reason, which is the experiment's and no single task's.
    """
    pool = Pool(1, start_method())
    pool.submit("check", _guarded, partial(_nothing, check))
    _value(pool.wait(), "")


def _nothing(check: Callable[[], Any]) -> None:
    """What it makes, such as models, need not pickle."""
    check()


def _value(outcome: Outcome, where: str) -> Any:
    if outcome.error:
        raise StageFailed(f"{where}{outcome.error}")
    value, error, code = outcome.value
    if error:
        raise _again(f"{where}{error}", code)
    return value


def _guarded(task: Callable[[], Any]) -> tuple[Any, str | None, int]:
    try:
        return task(), None, 0
    except UserError as error:  # with its exit code, which the pool would lose
        return None, str(error), error.exit_code
    except OSError as error:
        known = from_os_error(error)  # a full disk, in words
        if known is None:
            raise
        return None, str(known), known.exit_code


def _again(reason: str, code: int) -> UserError:
    error = UserError(reason)
    error.exit_code = code
    return error
