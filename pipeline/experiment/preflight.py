"""Checks before a run: every file that a stage will read must exist.

In: a job, and the plan of its stages. A stage that is up to date needs no file: its
result may have been made on another machine. A table must have the columns that the
experiment names, too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from pipeline.core.errors import UserError
from pipeline.data.sources.registry import ENVIRONMENTS
from pipeline.engine.plan import Decision
from pipeline.engine.stage import Job, Stage
from pipeline.models.referenced_files import find_file
from pipeline.tasks.registry import get

# The data stage checks its own sources, which are not plain paths; it runs first.
CHECKS_ITSELF = "data"
TABLES = ("csv", "text")
# Stages that act in the environment.
ACTING = {"data", "tune", "train", "distill", "compress", "evaluate"}
JAX = "jax==0.10.*"  # the extra


def check_files(job: Job, decisions: Sequence[Decision]) -> None:
    """Refuse to start a run that would fail at a missing file.

    Args:
        job: the experiment.
        decisions: the plan of the requested stages and of all that they depend on.

    Raises:
        UserError: names the key and the absolute path.
    """
    to_run = _to_run(decisions)
    for stage in (job.stage(name) for name in to_run if name != CHECKS_ITSELF):
        for path, digest in stage.sources(job.params).items():
            if digest is None:
                raise UserError(f"{_key(job, stage, path)}: {_reason(path)}")


def check_splits(job: Job, decisions: Sequence[Decision]) -> None:
    """Refuse to start a run whose later stages would have no examples or labels.

    Args:
        job: the experiment.
        decisions: the plan of the requested stages and of all that they depend on.

    Raises:
        UserError: names the key, and what remains possible.
    """
    data: Any = job.params["data"]
    stages = [decision.stage for decision in decisions]
    if get(data.task).labels == "none" and "train" in stages:
        raise UserError(
            f"data.task {data.task}: has no labels to train with; it is for a model "
            "that is trained already: compress-file MODEL --calibration SOURCE"
        )
    if "evaluate" in stages and not data.has_test_split:
        raise UserError(
            "data.split.test is 0, and evaluate and report read the test split; set "
            "train, validation and test, or stop before them: run compress"
        )


def check_columns(job: Job, decisions: Sequence[Decision]) -> None:
    """Refuse to start a run whose data stage would miss a column of its table.

    Args:
        job: the experiment.
        decisions: the plan of the requested stages and of all that they depend on.

    Raises:
        UserError: names the key, the column and those that there are, as the data
            stage does.
    """
    data: Any = job.params["data"]
    kind = data.source.partition(":")[0]
    if kind in TABLES and "data" in _to_run(decisions):
        _check_header(data, kind)


def _check_header(data: Any, kind: str) -> None:
    from pipeline.data.series import table as series
    from pipeline.data.sources.reader import ReadContext
    from pipeline.data.table_roles import column, roles_of
    from pipeline.data.tables import open_table

    context = ReadContext(data, Path(), source=data.source)
    file = open_table(context)
    if context.wants_rankings:  # whose reader knows its columns
        return
    if context.wants_series:
        series.roles_of(file, data.series, data.columns.ignore)
        return
    if kind == "text":
        column(file, data.columns.text, "data.columns.text", context.key)
    roles_of(file, [], context)


def check_environment(job: Job, decisions: Sequence[Decision]) -> None:
    """Refuse to start a run in an environment that is missing or unsuitable.

    Args:
        job: the experiment.
        decisions: the plan of the requested stages and of all that they depend on.

    Raises:
        UserError: names the environment, and what is needed.
    """
    data: Any = job.params["data"]
    kind, _, name = data.source.partition(":")
    if kind in ENVIRONMENTS and ACTING & {*_to_run(decisions)}:
        from pipeline.tasks.policy.episodes import inspect

        inspect(name, data.environment.max_steps)


def check_engine(job: Job, decisions: Sequence[Decision]) -> None:
    """Refuse to start a run whose training needs a library that is not installed.

    Args:
        job: the experiment.
        decisions: the plan of the requested stages and of all that they depend on.

    Raises:
        UserError: names the key, the package and how to install it.
    """
    params: Any = job.params["train"]
    if "train" not in _to_run(decisions) or params.engine != "jax":
        return
    if find_spec("jax") is None:
        raise UserError(
            "train.engine jax: jax is not installed; install the extra (pip install "
            f'"{JAX}"), or remove train.engine and train.hosts'
        )


def _to_run(decisions: Sequence[Decision]) -> list[str]:
    return [decision.stage for decision in decisions if not decision.cached]


def _key(job: Job, stage: Stage, path: str) -> str:
    """The dotted key that names a file, first looked for in the stage's section."""
    sections = {stage.name: job.params[stage.name], **job.params}
    keys = (
        key
        for section, params in sections.items()
        for key, text in _texts(section, params.model_dump(mode="json"))
        if path in [word.strip() for word in text.split(",")]
    )
    return next(keys, stage.name)


def _texts(key: str, value: Any) -> Iterator[tuple[str, str]]:
    """Every text at or below a key, with its dotted key."""
    if isinstance(value, str):
        yield key, value
    items: Any = value.items() if isinstance(value, Mapping) else ()
    items = enumerate(value) if isinstance(value, list) else items
    for name, inner in items:
        yield from _texts(f"{key}.{name}", inner)


def _reason(path: str) -> str:
    try:
        return f"{find_file(path).absolute()}: there is no such file"
    except UserError as error:  # its environment variable is not set
        return str(error)
