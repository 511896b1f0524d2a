"""Tasks by name, found without importing any of their code.

A task of the user's own is `module:object`, imported from the working directory:

    data:
      source: csv:houses.csv
      task: my_task:TASK
"""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Protocol

from pipeline.core.base_path import base
from pipeline.core.errors import UserError, nearest
from pipeline.tasks.task import Task

DEFAULT = "classification"
TASKS = {
    "classification": "pipeline.tasks.classification.task:TASK",
    "regression": "pipeline.tasks.regression.task:TASK",
    "anomaly_detection": "pipeline.tasks.anomaly_detection.task:TASK",
}
# Of builders that no data source reaches yet.
MODEL_TASKS = {
    "segmentation": "pipeline.tasks.model_tasks:SEGMENTATION",
    "next_token": "pipeline.tasks.model_tasks:NEXT_TOKEN",
}
RENAMED = {"anomaly": "anomaly_detection", "reconstruction": "anomaly_detection"}
# Kind of an auxiliary target (`data.extra_targets`) -> the task of its head.
AUXILIARY = {"class": "classification", "number": "regression"}
OWN = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")
# Stage -> the parts that its code uses.
STAGE_PARTS = {
    "data": ("targets",),
    "tune": ("metric", "training"),
    "train": ("metric", "training"),
    "distill": ("metric", "training"),
    "compress": ("metric", "training", "export"),
    "evaluate": ("metric", "evaluation"),
    "report": ("report",),
}


class Named(Protocol):
    """Something with the name of a task, such as a `TaskSpec`."""

    @property
    def task(self) -> str:
        """As spec.json has it."""


def get(name: str) -> Task:
    """The task called `name`.

    Args:
        name: a task of this package, or `module:object`.

    Raises:
        UserError: for a name that no task has, or an object that is not a `Task`.
    """
    check_name(name)
    path = {**TASKS, **MODEL_TASKS}.get(name)
    if path is None:
        return _own(name)
    module, _, attribute = path.partition(":")
    task: Task = getattr(importlib.import_module(module), attribute)
    return task


def check_name(name: str) -> None:
    """Refuse a name that no task can have; nothing is imported.

    Raises:
        UserError: names the new name of a renamed task, or the tasks that there are.
    """
    if name in RENAMED:
        raise UserError(f'task "{name}" is now called {RENAMED[name]}')
    if name not in {**TASKS, **MODEL_TASKS} and not OWN.fullmatch(name):
        raise UserError(
            f'task "{name}": no such task{nearest(name, TASKS)} (there are: '
            f"{', '.join(TASKS)}, or module:object of your own)"
        )


def task_of(spec: Named) -> Task:
    """The task of a signature."""
    return get(spec.task)


def of_document(document: Mapping[str, Any]) -> Task:
    """The task of pareto.json, evaluation.json or summary.json."""
    return get(document.get("task", DEFAULT))


def named(name: str) -> dict[str, str]:
    """The `task` entry of a document: none for the default task."""
    return {} if name == DEFAULT else {"task": name}


def reading(labels: str) -> list[str]:
    """Names of the tasks whose labels are `classes` or `numbers`, the usual one first."""
    return [name for name in TASKS if get(name).labels == labels]


def for_chain(name: str) -> Task:
    """The task called `name`, if a data source can be of it.

    Raises:
        UserError: when no stage can evaluate it.
    """
    task = get(name)
    if not task.chain:
        raise UserError(
            f"{task.title} has no metric, so no experiment can be of it; choose "
            f"{', '.join(TASKS)}, or a task of your own"
        )
    return task


def modules(stage: str, task: str, auxiliary: Iterable[str] = ()) -> tuple[str, ...]:
    """Modules of a task that a stage runs, for its fingerprint.

    Args:
        stage: its name; one without an entry in `STAGE_PARTS` uses facts alone.
        auxiliary: kinds of auxiliary targets, whose heads are of tasks of their own.
    """
    names = dict.fromkeys([task, *(AUXILIARY[kind] for kind in auxiliary)])
    found: dict[str, None] = {}
    for name in names:
        own = get(name)
        found[_module_of(name)] = None
        found |= {own.module(part): None for part in STAGE_PARTS.get(stage, ())}
    return tuple(found)


def _module_of(name: str) -> str:
    return {**TASKS, **MODEL_TASKS}.get(name, name).partition(":")[0]


def _own(name: str) -> Task:
    module, _, attribute = name.partition(":")
    if (folder := str(Path.cwd() / base())) not in sys.path:
        sys.path.insert(0, folder)
    try:
        task = getattr(importlib.import_module(module), attribute, None)
    except (Exception, SystemExit) as error:
        reason = f"{type(error).__name__}: {error}"
        raise UserError(f"task {name}: importing it fails: {reason}") from error
    if not isinstance(task, Task):
        raise UserError(
            f"task {name}: must be a Task (pipeline.tasks.task); {module} has "
            f"{'nothing of that name' if task is None else type(task).__name__}"
        )
    if task.name != name:
        raise UserError(f'task {name}: its name must be "{name}", not "{task.name}"')
    return task
