"""Files that an experiment names and that are not there: told before anything runs.

In: a job, and the stages that are asked for. A stage that was published with a file is
not held against it: it may stay as it is on a machine that has not got the file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pipeline.engine.errors import UserError
from pipeline.engine.record import recorded_sources
from pipeline.engine.stage import Job, Stage
from pipeline.models.trained import find

SELF_TOLD = "data"  # its sources are no plain paths, and it is the first to run


def check(job: Job, names: tuple[str, ...]) -> None:
    """Refuse to begin what would end at a file that is not there.

    Args:
        names: of the stages that are asked for, with all that they need.

    Raises:
        UserError: names the key and the absolute path.
    """
    for stage in job.upto(names):
        for name in _missing(job, stage):
            raise UserError(f"{_key(job, stage, name)}: {_reason(name)}")


def _missing(job: Job, stage: Stage) -> Iterator[str]:
    if stage.name == SELF_TOLD:
        return
    known = recorded_sources(job.folder / stage.name)
    for name, state in stage.sources(job.params).items():
        if state is None and name not in known:
            yield name


def _key(job: Job, stage: Stage, name: str) -> str:
    """Where the experiment names a file: in the stage's own section, or in another."""
    sections = {stage.name: job.params[stage.name], **job.params}
    found = (
        key
        for section, params in sections.items()
        for key, value in _texts(section, params.model_dump(mode="json"))
        if name in [word.strip() for word in value.split(",")]
    )
    return next(found, stage.name)


def _texts(key: str, value: Any) -> Iterator[tuple[str, str]]:
    """Every text below a key, each with its own key."""
    if isinstance(value, str):
        yield key, value
    inner = value.items() if isinstance(value, Mapping) else ()
    inner = enumerate(value) if isinstance(value, list) else inner
    for part, one in inner:
        yield from _texts(f"{key}.{part}", one)


def _reason(name: str) -> str:
    try:
        return f"{find(name).absolute()}: there is no such file"
    except UserError as error:  # its variable is not set
        return str(error)
