"""A folder with a folder of files for each class: what `images:` and `wav:` share."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline.data.extra_targets import as_values
from pipeline.data.sources.reader import Intake, finite, named_part
from pipeline.data.params import DataParams
from pipeline.core.errors import UserError

Read = Callable[[Path], np.ndarray]


class BadFile(Exception):
    """A file that holds no example, and why."""


@dataclass(frozen=True)
class Labelled:
    """Files, their classes and, where asked for, their groups and further targets."""

    files: list[Path]
    labels: list[str]
    groups: list[str] | None
    also: dict[str, list[str]]


def list_files(root: Path, suffixes: Collection[str], intake: Intake) -> Labelled:
    """The files below each class folder, in alphabetical order.

    Raises:
        UserError: for a folder without class folders; an empty class folder, a
            folder outside `data.classes` or a name without its group is bad.
    """
    folders = sorted(p for p in root.iterdir() if p.is_dir() and p.name[0] != ".")
    if not folders:
        raise UserError(f"{root}: must hold a folder for each class, and holds none")
    further = {name: [] for name in intake.params.also}
    found = Labelled([], [], [] if intake.params.split.group else None, further)
    for folder in folders:
        wanted = intake.params.classes
        if wanted is not None and folder.name not in wanted:
            intake.bad(f"{folder.name}/", intake.outside(folder.name), root)
            continue
        files = sorted(p for p in folder.rglob("*") if p.suffix.lower() in suffixes)
        if not files:
            kinds = ", ".join(sorted(suffixes))
            intake.bad(f"{folder.name}/", f"an empty class folder: no {kinds}", root)
        for file in files:
            _add(found, file, folder.name, root, intake)
    return found


def read_all(
    found: Labelled, root: Path, read: Read, intake: Intake, dtype: str
) -> tuple[Path, np.ndarray]:
    """Read every file into one .npy file; bad ones are an error or left out.

    Returns:
        The .npy file, and the positions in `found` of the files that are in it.
    """
    kept, writer = [], None
    for at, file in enumerate(found.files):
        place = file.relative_to(root).as_posix()
        try:
            array = read(file)
        except BadFile as error:
            intake.bad(place, str(error), root)
            continue
        if writer is None:
            writer = intake.writer(array.shape, dtype)
        if array.shape != writer.shape:
            reason = f"is of {array.shape}, the files before it of {writer.shape}"
            intake.bad(place, f"{reason}; set data.image.size to resize", root)
            continue
        writer.append(array[None])
        kept.append(at)
    if writer is None:
        raise UserError(f"{root}: not one file could be read")
    writer.close()
    return writer.path, np.array(kept)


def _add(found: Labelled, file: Path, label: str, root: Path, intake: Intake) -> None:
    params = intake.params
    group = [params.split.group] if found.groups is not None else []
    parts = {
        n: named_part(params.file_name, file.stem, n) for n in [*group, *found.also]
    }
    if reason := _no_part(parts, params):
        intake.bad(file.relative_to(root).as_posix(), reason, root)
        return
    for name in group:
        found.groups.append(parts[name])
    for name, values in found.also.items():
        values.append(parts[name])
    found.files.append(file)
    found.labels.append(label)


def _no_part(parts: dict[str, str | None], params: DataParams) -> str:
    """Why the parts of a file's name cannot be used, or nothing."""
    for name, part in parts.items():
        if part is None:
            pattern = params.file_name or "not set"
            return f'its name has no "{name}" by data.file_name ({pattern})'
        if params.also.get(name) == "number" and finite(part) is None:
            return f'the "{name}" of its name is {part!r}, not a number'
    return ""


def further(found: Labelled, kept: np.ndarray, intake: Intake) -> dict[str, np.ndarray]:
    """The further targets of the files that were kept, by name."""
    kinds = intake.params.also
    return {n: as_values(found.also[n], kind)[kept] for n, kind in kinds.items()}


def chosen(values: list[str], kept: np.ndarray) -> np.ndarray:
    """The values at the positions that were kept, as an array of text."""
    return np.array(values, dtype=str)[kept]
