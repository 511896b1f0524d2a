"""Files that an experiment names and that are not there: told before anything runs.

In: a job, and what the plan says of its stages. A stage that stays as it is needs no
file: it was published with it, perhaps on another machine.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pipeline.core.errors import UserError
from pipeline.engine.plan import Decision
from pipeline.engine.stage import Job, Stage
from pipeline.models.referenced_files import find_file

SELF_TOLD = "data"  # its sources are no plain paths, and it is the first to run


def check(job: Job, decisions: Sequence[Decision]) -> None:
    """Refuse to begin what would end at a file that is not there.

    Args:
        decisions: of the stages that are asked for, and of all that they need.

    Raises:
        UserError: names the key and the absolute path.
    """
    names = [each.stage for each in decisions if not each.cached]
    for stage in (job.stage(name) for name in names if name != SELF_TOLD):
        for name, state in stage.sources(job.params).items():
            if state is None:
                raise UserError(f"{_key(job, stage, name)}: {_reason(name)}")


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
        return f"{find_file(name).absolute()}: there is no such file"
    except UserError as error:  # its variable is not set
        return str(error)
