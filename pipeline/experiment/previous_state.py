"""The state of a results folder before a run, to restore it, or to keep a file of it.

In: a folder of compress_model. Out: its experiment file as before, if the run fails
before it publishes anything; a copy of the chosen file, if no file meets a new budget.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pipeline.core.errors import UserError
from pipeline.core.regular_file import is_regular
from pipeline.core.safe_path import SafeFolder
from pipeline.experiment.ignored_files import NAME, write_gitignore
from pipeline.experiment.loader import FILE

EARLIER_BEST = "earlier-best.tflite"


@contextmanager
def restored_on_error(folder: Path) -> Iterator[None]:
    """Make the folder; restore the previous state if nothing is published in the body.

    Args:
        folder: of the results; it and its parents are removed again if they are new.

    Raises:
        UserError: the folder cannot be made.
    """
    new = [path for path in (folder, *folder.parents) if not path.exists()]
    file = folder / FILE
    before = file.read_bytes() if is_regular(file) else None
    published = _published(folder)
    ignored = False
    try:
        _make_folder(folder)
        ignored = write_gitignore(folder)
        yield
    except BaseException:
        if _published(folder) == published:
            _restore(file, before)
            if ignored:
                (folder / NAME).unlink(missing_ok=True)
        for path in new:
            with suppress(OSError):  # not empty, or never made
                path.rmdir()
        raise


@contextmanager
def chosen_file_kept(folder: Path, note: Callable[[str], None]) -> Iterator[None]:
    """Keep a copy of `compress/best.tflite` if a run ends without a chosen file.

    Args:
        folder: of the results.
        note: receives one line that names the copy.
    """
    best = folder / "compress" / "best.tflite"
    before = best.read_bytes() if is_regular(best) else None
    yield
    if before is not None and not best.exists():
        SafeFolder(folder).write(EARLIER_BEST, before)
        note(f"kept      {folder / EARLIER_BEST}: chosen under the earlier budget")
    elif best.exists():
        (folder / EARLIER_BEST).unlink(missing_ok=True)


def _published(folder: Path) -> dict[str, bytes]:
    """Name of a stage -> its record."""
    records = sorted(filter(is_regular, folder.glob("*/stage.json")))
    return {path.parent.name: path.read_bytes() for path in records}


def _restore(file: Path, before: bytes | None) -> None:
    if before is not None:
        SafeFolder(file.parent).write(file.name, before)
    elif file.is_file():
        file.unlink()


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise UserError(
            f"--out {folder}: is a file, or inside a file; name a folder"
        ) from None
    except OSError as error:
        raise UserError(
            f"--out {folder}: the folder cannot be made: {error.strerror}"
        ) from None
