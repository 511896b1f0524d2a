"""A folder with one folder of files per class: shared by `images:` and `wav:`."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.core.errors import UserError
from pipeline.core.quoting import listing, shown
from pipeline.data.params import DataParams
from pipeline.data.paths import printable_path
from pipeline.data.sources.reader import ReadContext, file_name_field, finite
from pipeline.data.stored import Writer

# Folders that operating systems and network drives add.
SYSTEM_NAMES = frozenset(
    {"__MACOSX", "@eaDir", "$RECYCLE.BIN", "System Volume Information", "lost+found"}
)
# Names of folders that hold class folders, instead of being one.
SPLITS = frozenset(
    {
        "train",
        "training",
        "test",
        "testing",
        "val",
        "valid",
        "validation",
        "dev",
        "eval",
    }
)


class BadFileError(Exception):
    """A file that holds no usable example; the message says why."""


@dataclass(frozen=True)
class LabelledFiles:
    """Files of all classes, in the order in which they are read.

    Args:
        root: the folder of the class folders.
        paths: one per file, in whatever form the reader takes it.
        labels: name of the class folder of each file.
        groups: group of each file, by its name; None without `data.split.group`.
        extra_targets: name of a target -> its text for each file.
    """

    root: Path
    paths: list[Any]
    labels: list[str]
    groups: list[str] | None
    extra_targets: dict[str, list[str]]

    def place(self, file: Path) -> str:
        """Return the path of a file relative to the root."""
        return printable_path(file.relative_to(self.root))


def list_files(
    root: Path, suffixes: Collection[str], context: ReadContext
) -> LabelledFiles:
    """List the files below every class folder, in alphabetical order.

    Hidden files and folders, and what systems add (`__MACOSX`), are left out. An empty
    class folder, a folder outside `data.classes` and a file name that does not follow
    `data.file_name` are bad examples. Without labels, all files below the root are
    listed.

    Args:
        root: the folder of the class folders.
        suffixes: file extensions to list, in lower case, such as `.png`.
        context: the settings, and the receiver of bad examples.

    Raises:
        UserError: for a root without class folders, or for a bad example.
    """
    if context.unlabelled:
        return _unlabelled(root, suffixes)
    folders = _class_folders(root)
    if not folders:
        raise UserError(f"{root}: must hold one folder per class, and holds none")
    _refuse_splits(root, folders)
    params = context.params
    targets: dict[str, list[str]] = {name: [] for name in params.extra_targets}
    groups: list[str] | None = [] if params.split.group else None
    files = LabelledFiles(root, [], [], groups, targets)
    for folder in folders:
        _add_folder(files, folder, suffixes, context)
    return files


def _unlabelled(root: Path, suffixes: Collection[str]) -> LabelledFiles:
    """List all files below a folder, with an empty text in the place of a label."""
    paths = files_below(root, suffixes)
    if not paths:
        raise UserError(f"{root}: holds no file of {', '.join(sorted(suffixes))}")
    return LabelledFiles(root, paths, [""] * len(paths), None, {})


def _class_folders(root: Path) -> list[Path]:
    try:
        return sorted(p for p in root.iterdir() if p.is_dir() and _is_visible(p.name))
    except OSError as error:
        raise UserError(f"{root}: cannot be listed ({error.strerror})") from None


def _refuse_splits(root: Path, folders: list[Path]) -> None:
    """Refuse folders of splits: `train` and `test` are not classes.

    Raises:
        UserError: names the folder of classes.
    """
    names = [folder.name for folder in folders]
    if {name.lower() for name in names} - SPLITS or not all(
        map(_class_folders, folders)
    ):
        return
    first = next((n for n in names if n.lower().startswith("train")), names[0])
    raise UserError(
        f"{root}: holds {listing(names)} in the place of classes; name one of them, "
        f"such as {root / first}, or move the files of each class into one folder (the "
        "splits are drawn by data.split)"
    )


def files_below(folder: Path, suffixes: Collection[str]) -> list[Path]:
    """Return all files below a folder, sorted; no hidden ones, none that systems add.

    Args:
        folder: such as that of a class.
        suffixes: file extensions, in lower case. A path with one that is no regular
            file, such as a pipe, is included.

    Raises:
        UserError: when the folders change meanwhile, or are nested too deeply.
    """
    try:
        return sorted(
            path
            for path in folder.rglob("*")
            if path.suffix.lower() in suffixes
            and all(map(_is_visible, path.relative_to(folder).parts))
            and not path.is_dir()
        )
    except (OSError, RecursionError) as error:  # changed meanwhile, or too deep
        reason = getattr(error, "strerror", None) or "its folders are too deep"
        raise UserError(
            f"{printable_path(folder)}: cannot be listed ({reason})"
        ) from None


def _is_visible(name: str) -> bool:
    return not name.startswith(".") and name not in SYSTEM_NAMES


def _add_folder(
    files: LabelledFiles, folder: Path, suffixes: Collection[str], context: ReadContext
) -> None:
    allowed, place = context.params.classes, f"{printable_path(Path(folder.name))}/"
    if allowed is not None and folder.name not in allowed:
        context.bad(place, context.outside(folder.name), files.root)
        return
    paths = files_below(folder, suffixes)
    if not paths:
        kinds = ", ".join(sorted(suffixes))
        context.bad(place, f"an empty class folder: no {kinds}", files.root)
    for path in paths:
        _add_file(files, path, folder.name, context)


def _add_file(
    files: LabelledFiles, path: Path, label: str, context: ReadContext
) -> None:
    params, names = context.params, list(files.extra_targets)
    if params.split.group:
        names.append(params.split.group)
    try:
        fields = name_fields(path, names, params)
    except BadFileError as error:
        context.bad(files.place(path), str(error), files.root)
        return
    if files.groups is not None and params.split.group:
        files.groups.append(fields[params.split.group])
    for name, values in files.extra_targets.items():
        values.append(fields[name])
    files.paths.append(path)
    files.labels.append(label)


def files_by_stem(
    root: Path, name: str, both: tuple[str, str], suffixes: Collection[str]
) -> dict[str, list[Path]]:
    """Return the files of one of two folders by their names without extension.

    Args:
        root: holds both folders.
        name: of the folder.
        both: names of both, for the error.
        suffixes: file extensions, in lower case.

    Raises:
        UserError: if the folder is missing.
    """
    folder = root / name
    if not folder.is_dir():
        raise UserError(
            f"{root}: must hold the folders {both[0]} and {both[1]}; {name} is missing"
        )
    files: dict[str, list[Path]] = {}
    for path in files_below(folder, suffixes):
        stem = path.relative_to(folder).with_suffix("").as_posix()
        files.setdefault(stem, []).append(path)
    return files


def group_of(path: Path, params: DataParams) -> str:
    """Return the group that a file name holds; empty without `data.split.group`.

    Args:
        path: of the file.
        params: the settings.

    Raises:
        BadFileError: for a name without it.
    """
    group = params.split.group
    return "" if group is None else name_fields(path, [group], params)[group]


def name_fields(path: Path, names: Iterable[str], params: DataParams) -> dict[str, str]:
    """Read fields of a file name by `data.file_name`: name -> its text.

    Args:
        path: of the file.
        names: of the fields: groups and extra targets.
        params: the settings.

    Raises:
        BadFileError: for a missing field, or a text in the place of a number.
    """
    fields = {n: file_name_field(params.file_name, path.stem, n) or "" for n in names}
    for name, text in fields.items():
        if not text:
            pattern = params.file_name or "not set"
            raise BadFileError(
                f'its name has no "{name}" by data.file_name ({pattern})'
            )
        if params.extra_targets.get(name) == "number" and finite(text) is None:
            raise BadFileError(
                f'the "{name}" of its name is {shown(repr(text))}, not a number'
            )
    return fields


def check_shape(example: np.ndarray, writer: Writer) -> None:
    """Check that an example has the shape of those before it.

    Args:
        example: of the next file.
        writer: of the scratch file.

    Raises:
        BadFileError: for another shape.
    """
    if example.shape != writer.shape:
        raise BadFileError(shape_problem(example.shape, writer.shape))


def shape_problem(shape: tuple[int, ...], expected: tuple[int, ...]) -> str:
    """Return why an example is bad whose shape is not the expected one."""
    return (
        f"has shape {shape}, the files before it {expected}; set data.image.size to "
        "resize"
    )
