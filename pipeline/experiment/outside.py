"""List, once, the code of an experiment, and what it uses outside of its own folder.

An experiment file can name Python modules, which run with the user's rights, data and
model files anywhere on the disk, and a tracking server; its results can name the
module of a task. For an experiment that came from elsewhere this deserves a look, so
every command lists what it is about to use, before it uses it the first time. What
was listed is kept in `.outside.json`, sealed: a copy from elsewhere does not count.

In: an experiment, or its results. Out: a note, or nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from pipeline.core.base_path import base
from pipeline.core.errors import UserError
from pipeline.core.json_io import read_json
from pipeline.core.quoting import printable
from pipeline.core.user_modules import mark_listed
from pipeline.data.paths import locate
from pipeline.data.sources.registry import FILES, whole_of
from pipeline.engine.import_closure import CodeReader
from pipeline.engine.sealed import read_sealed, write_sealed
from pipeline.engine.stage import Job, Stage
from pipeline.tasks.registry import OWN

NOTES = ".outside.json"
PACKAGE = "pipeline"
DATA = "data"  # the stage whose sources begin with their kind
# Published files that name a task, which whatever reads them imports.
NAMING = (
    "data/spec.json",
    "compress/pareto.json",
    "evaluate/evaluation.json",
    "report/summary.json",
)

Use = tuple[str, str]  # kind: code, file or server; and the path or address


def _print(text: str) -> None:
    print(printable(text), file=sys.stderr, flush=True)


def announce(
    folder: Path, uses: list[Use], warn: Callable[[str], None] = _print
) -> None:
    """Print what was not printed for this experiment on this machine before.

    Args:
        folder: the experiment's folder.
        uses: kind and path, or address, of each use.
        warn: called with the note, of several lines; default: prints it to standard
            error.
    """
    seen = read_sealed(folder / NOTES)
    new = sorted({f"{kind} {place}" for kind, place in uses} - seen.keys())
    if not new:
        return
    lines = [f"          {text}" for text in new]
    warn(
        "\n".join(
            [
                f"note      {folder} uses this code or, from outside its folder, "
                "these files (code runs with your rights; see SECURITY.md; shown "
                "once):",
                *lines,
            ]
        )
    )
    write_sealed(folder / NOTES, {**seen, **dict.fromkeys(new, True)})


def announce_job(
    job: Job, server: str | None = None, warn: Callable[[str], None] = _print
) -> None:
    """Announce what a run of an experiment uses.

    Args:
        job: the experiment.
        server: address of the tracking server; default None.
        warn: as for `announce`.
    """
    announce(job.folder, uses_of(job, server), warn)
    mark_listed(_modules(job))


def announce_modules(folder: Path, names: Iterable[str]) -> None:
    """Announce modules of the user before they are imported.

    Args:
        folder: of the experiment that names them.
        names: dotted names.
    """
    names = list(names)
    announce(folder, _code(names))
    mark_listed(names)


def announce_results(folder: Path) -> None:
    """Announce the modules of the tasks that published results name.

    Args:
        folder: of the experiment; results that are missing or damaged are left out.
    """
    announce_modules(folder, sorted(set(_named_in_results(folder))))


def copy_notes(folder: Path, copy: Path) -> None:
    """Let what was listed for an experiment count for a copy that this program made.

    Args:
        folder: of the experiment.
        copy: folder of the copy.
    """
    write_sealed(copy / NOTES, read_sealed(folder / NOTES))


def _named_in_results(folder: Path) -> Iterator[str]:
    for name in NAMING:
        with suppress(UserError):
            document = read_json(folder / name)
            task = document.get("task") if isinstance(document, dict) else None
            if isinstance(task, str) and OWN.fullmatch(task):
                yield task.partition(":")[0]


def uses_of(job: Job, server: str | None = None) -> list[Use]:
    """List the user's code, and the files and server outside the folder, of a run.

    Args:
        job: the experiment; nothing of it is imported or read.
        server: address of the tracking server; default None.
    """
    home = job.folder.resolve()
    paths = {path.resolve() for path in _files(job)}
    files = [("file", str(path)) for path in paths if not path.is_relative_to(home)]
    return [*_code(_modules(job)), *files, *([("server", server)] if server else [])]


def _code(names: Iterable[str]) -> list[Use]:
    """Modules of the user by their file, or by name where it is not in the folder.

    Nothing is imported.
    """
    reader = CodeReader(Path.cwd() / base())
    uses = []
    for name in names:
        paths = [str(path.resolve()) for path in reader.files([name])]
        uses.append(("code", next(iter(paths), f"module {name}")))
    return uses


def _modules(job: Job) -> list[str]:
    """Dotted names of the user's modules where the code of stages begins."""
    names = {name for stage in job.chain for name in job.modules(stage)}
    return sorted(name for name in names if name.partition(".")[0] != PACKAGE)


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
