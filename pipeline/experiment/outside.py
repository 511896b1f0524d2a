"""Announce, once, what an experiment uses outside of its own folder.

An experiment file can name Python modules, which run with the user's rights, data and
model files anywhere on the disk, and a tracking server. For an experiment that came
from elsewhere this is worth a look, so a run lists them before it uses them the first
time. What was listed is kept in `.outside.json`, sealed: a copy from elsewhere does
not count.

In: an experiment. Out: a note, or nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from pipeline.core.base_path import base
from pipeline.core.errors import UserError
from pipeline.data.paths import locate
from pipeline.data.sources.registry import FILES, whole_of
from pipeline.engine.import_closure import CodeReader
from pipeline.engine.sealed import read_sealed, write_sealed
from pipeline.engine.stage import Job, Stage

NOTES = ".outside.json"
PACKAGE = "pipeline"
DATA = "data"  # the stage whose sources begin with their kind

Use = tuple[str, str]  # kind: code, file or server; and the path or address


def announce(folder: Path, uses: list[Use], warn: Callable[[str], None]) -> None:
    """Print what was not printed for this experiment on this machine before.

    Args:
        folder: the experiment's folder.
        uses: kind and path, or address, of each use.
        warn: called with the note, of several lines.
    """
    seen = read_sealed(folder / NOTES)
    new = sorted({f"{kind} {place}" for kind, place in uses} - seen.keys())
    if not new:
        return
    lines = [f"          {text}" for text in new]
    warn(
        "\n".join(
            [
                f"note      {folder} uses from outside its folder (code runs with your "
                "rights; see SECURITY.md; shown once):",
                *lines,
            ]
        )
    )
    write_sealed(folder / NOTES, {**seen, **dict.fromkeys(new, True)})


def uses_of(job: Job, server: str | None = None) -> list[Use]:
    """List the modules, files and servers that a run uses outside the folder.

    Args:
        job: the experiment; nothing of it is imported or read.
        server: address of the tracking server; default None.
    """
    home = job.folder.resolve()
    places = {("code", path) for name in _modules(job) for path in module_files(name)}
    places |= {("file", path.resolve()) for path in _files(job)}
    outside = [(k, str(path)) for k, path in places if not path.is_relative_to(home)]
    return [*outside, *([("server", server)] if server else [])]


def module_files(name: str) -> list[Path]:
    """Find a module of the user, without importing it.

    Args:
        name: dotted name.

    Returns:
        Its path; empty where it does not exist or belongs to this package.
    """
    if name.partition(".")[0] == PACKAGE:
        return []
    here = Path.cwd() / base()
    return [path.resolve() for path in CodeReader(here).files([name])]


def _modules(job: Job) -> set[str]:
    return {name for stage in job.chain for name in job.modules(stage)}


def _files(job: Job) -> Iterator[Path]:
    for stage in job.chain:
        for text in _texts(job, stage):
            try:
                yield locate(text, stage.name)
            except UserError:  # its variable is not set; a check of the run names it
                continue


def _texts(job: Job, stage: Stage) -> list[str]:
    """Paths as the experiment file names them."""
    if stage.name != DATA:
        return list(stage.sources(job.params))
    wholes = map(whole_of, job.params[DATA].every_source)  # type: ignore[attr-defined]
    sources = (source.partition(":") for source in wholes)
    return [name for kind, _, name in sources if kind in FILES]
