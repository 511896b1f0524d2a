"""Look up tasks by name, without importing their parts.

A user's own task is named `module:object` and imported from the working directory:

    data:
      source: csv:houses.csv
      task: my_task:TASK
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

from pipeline.core.base_path import append_to_path
from pipeline.core.errors import UserError, did_you_mean
from pipeline.core.user_modules import import_user_module
from pipeline.tasks.task import Task

if TYPE_CHECKING:
    from pipeline.tasks.spec import TaskSpec

DEFAULT = "classification"
TASKS = {
    "classification": "pipeline.tasks.classification.task:TASK",
    "regression": "pipeline.tasks.regression.task:TASK",
    "anomaly_detection": "pipeline.tasks.anomaly_detection.task:TASK",
    "segmentation": "pipeline.tasks.segmentation.task:TASK",
    "restoration": "pipeline.tasks.restoration.task:TASK",
    "detection": "pipeline.tasks.detection.task:TASK",
    "embedding": "pipeline.tasks.embedding.task:TASK",
    "forecasting": "pipeline.tasks.forecasting.task:TASK",
    "next_token": "pipeline.tasks.next_token.task:TASK",
    "seq2seq": "pipeline.tasks.seq2seq.task:TASK",
    "ranking": "pipeline.tasks.ranking.task:TASK",
    "policy": "pipeline.tasks.policy.task:TASK",
}
# The task of examples without labels, which only compress-file has.
UNLABELLED = "agreement"
COMPRESS_TASKS = {UNLABELLED: "pipeline.tasks.agreement.task:TASK"}
RENAMED = {"anomaly": "anomaly_detection", "reconstruction": "anomaly_detection"}
_PATHS = {**TASKS, **COMPRESS_TASKS}
# Kind of an auxiliary target (`data.extra_targets`) -> the task of its head.
AUXILIARY = {"class": "classification", "number": "regression"}
SHOWN = 80  # characters of a name in a message
OWN = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")
# Stage -> the parts that its code uses.
STAGE_PARTS = {
    "data": ("targets", "overlay"),
    "augment": ("overlay",),
    "tune": ("metric", "training"),
    "train": ("metric", "training", "floor"),
    "import": ("metric", "floor"),
    "distill": ("metric", "training", "floor"),
    "compress": ("metric", "training", "export", "floor"),
    "evaluate": ("metric", "evaluation", "floor"),
    "report": ("report",),
}


class Named(Protocol):
    """An object with the name of a task, such as a `TaskSpec`."""

    @property
    def task(self) -> str:
        """Name of the task, as in spec.json."""


def get(name: str) -> Task:
    """Return the task called `name`.

    Args:
        name: a task of this package, or `module:object`.

    Raises:
        UserError: for an unknown name, or an object that is not a `Task`.
    """
    check_name(name)
    path = _PATHS.get(name)
    if path is None:
        return _own(name)
    module, _, attribute = path.partition(":")
    task: Task = getattr(importlib.import_module(module), attribute)
    return task


def check_name(name: str) -> None:
    """Refuse a name that no task can have, without importing anything.

    Args:
        name: name of a task.

    Raises:
        UserError: it gives the new name of a renamed task, or the available tasks.
    """
    if name in RENAMED:
        raise UserError(f'task "{name}" is now called {RENAMED[name]}')
    if name not in _PATHS and not OWN.fullmatch(name):
        text = " ".join(name[:SHOWN].split())
        raise UserError(
            f'task "{text}": no such task{did_you_mean(name, TASKS)} (there '
            f"are: {', '.join(TASKS)}, or module:object of your own)"
        )


def task_of(spec: Named) -> Task:
    """Return the task of a data set, by its signature."""
    return get(spec.task)


def of_document(document: Mapping[str, Any]) -> Task:
    """Return the task of pareto.json, evaluation.json or summary.json."""
    return get(document.get("task", DEFAULT))


def named(name: str) -> dict[str, str]:
    """Return the `task` entry of a document: empty for the default task."""
    return {} if name == DEFAULT else {"task": name}


def reading(labels: str) -> list[str]:
    """Return the names of the tasks with a kind of labels, the most common first.

    Args:
        labels: `classes`, `numbers`, `maps`, `images`, `boxes`, `series`, `texts`,
            `pairs`, `interactions` or `experience`.
    """
    return [name for name in TASKS if get(name).labels == labels]


def as_labels(spec: TaskSpec) -> TaskSpec:
    """Return the same data with a class per example, for the features of a classifier.

    Args:
        spec: signature of the data.
    """
    return replace(spec, task=DEFAULT)


def for_chain(name: str) -> Task:
    """Return the task called `name`, if a data source can have it.

    Args:
        name: a task of this package, or `module:object`.

    Raises:
        UserError: when no stage can evaluate it.
    """
    task = get(name)
    if not task.chain:
        raise UserError(
            f"{task.title} has no metric, so no experiment can use it; choose "
            f"{', '.join(TASKS)}, or a task of your own"
        )
    return task


def modules(stage: str, task: str, auxiliary: Iterable[str] = ()) -> tuple[str, ...]:
    """Return the modules of a task that a stage runs, for its fingerprint.

    Args:
        stage: name of the stage; without an entry in `STAGE_PARTS`, it uses facts only.
        task: name of the task.
        auxiliary: kinds of auxiliary targets, whose heads have tasks of their own.
    """
    names = dict.fromkeys([task, *(AUXILIARY[kind] for kind in auxiliary)])
    unique: dict[str, None] = {}
    for name in names:
        parts = get(name)
        unique[_module_of(name)] = None
        used = [part for part in STAGE_PARTS.get(stage, ()) if part in parts.parts]
        unique |= {parts.module(part): None for part in used}
    return tuple(unique)


def _module_of(name: str) -> str:
    return _PATHS.get(name, name).partition(":")[0]


def _own(name: str) -> Task:
    module, _, attribute = name.partition(":")
    append_to_path()
    try:
        task = getattr(import_user_module(module), attribute, None)
    except (Exception, SystemExit) as error:
        reason = f"{type(error).__name__}: {error}"
        raise UserError(f"task {name}: importing it fails: {reason}") from error
    if not isinstance(task, Task):
        kind = "nothing" if task is None else f"an object of type {type(task).__name__}"
        raise UserError(
            f"task {name}: must be a Task (pipeline.tasks.task), but {module} defines "
            f"{kind} under this name"
        )
    if task.name != name:
        raise UserError(
            f'task {name}: its name must be "{name}", not "{task.name}"; change it'
        )
    return task
