"""Paths of the experiment file: how they are resolved, and whether files changed.

Relative paths begin at the working directory; `${NAME}` is an environment variable.
Imports nothing heavy, because the plan of a run uses it.
"""

from __future__ import annotations

import csv
import hashlib
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePath

from pipeline.core.base_path import base
from pipeline.core.errors import UserError
from pipeline.core.hashing import hash_file
from pipeline.core.json_io import read_json
from pipeline.core.quoting import shown
from pipeline.core.regular_file import is_regular
from pipeline.data.boxes.columns import read_rows
from pipeline.data.params import DataParams
from pipeline.data.sources.registry import (
    FILES,
    FILES_OR_FOLDERS,
    FOLDERS,
    IMAGE_LISTS,
    whole_of,
)
from pipeline.engine.hash_cache import content_hash, remember_tree, tree_hash

VARIABLE = re.compile(r"\$\{(\w*)\}")


def expand(text: str, key: str) -> str:
    """Replace `${NAME}` by the environment variable NAME.

    Args:
        text: a path of the experiment file.
        key: dotted key of the path, for the error.

    Raises:
        UserError: when a variable is not set.
    """

    def value(match: re.Match[str]) -> str:
        name = match.group(1)
        if not os.environ.get(name):
            raise UserError(
                f'{key} "{text}": the environment variable {name or "without a name"} '
                f"is not set; set it (export {name or 'NAME'}=FOLDER), or write the "
                "path"
            )
        return os.environ[name]

    return VARIABLE.sub(value, text)


def locate(text: str, key: str) -> Path:
    """Resolve a path of the experiment file, which need not exist.

    Args:
        text: the path; `~` and `${NAME}` are replaced.
        key: dotted key of the path, for the error.

    Raises:
        UserError: when a variable is not set, or `~NAME` is no user of this machine.
    """
    path = Path(expand(text, key))
    try:
        return base() / path.expanduser()
    except RuntimeError:
        raise UserError(
            f'{key} "{shown(text)}": {shown(path.parts[0])} is not the home folder of '
            "a user of this machine; write the path"
        ) from None


def source_path(source: str, key: str) -> Path:
    """Return the existing file or folder of a source.

    Args:
        source: `kind:name`; a relative name begins at the working directory.
        key: dotted key or option that names the source, for the error.

    Raises:
        UserError: when it does not exist, or is a folder in place of a file.
    """
    kind, _, name = whole_of(source).partition(":")
    path, is_folder = locate(name, key), kind in FOLDERS
    if kind in FILES_OR_FOLDERS and _is_folder(path):
        return path
    if _is_folder(path) if is_folder else is_regular(path):
        return path
    expected = "folder" if is_folder else "regular file"
    expected += " or folder" if kind in FILES_OR_FOLDERS else ""
    reason = "is not one" if _exists(path) else "does not exist"
    raise UserError(
        f'{key} "{shown(source, 200)}": {shown(path, 200)} must be a {expected} and '
        f"{reason} "
        f"(relative paths begin at {Path.cwd() / base()})"
    )


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):  # a name that no file system holds
        return False


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def source_state(params: DataParams) -> Mapping[str, str | None]:
    """Return a hash of every source that is a path; it changes with the files.

    Named data sets do not change.

    Returns:
        Source -> hash; None where it does not exist.
    """
    wholes = dict.fromkeys(map(whole_of, params.every_source))
    pathed = [source for source in wholes if source.partition(":")[0] in FILES]
    return {source: _state(source) for source in pathed}


def _state(source: str) -> str | None:
    kind, _, name = source.partition(":")
    try:
        path = locate(name, "data.source")
        if kind not in IMAGE_LISTS:
            return _content_state(path)
        return _tree_state(path, [path, *listed_images(path)], path.parent)
    except (UserError, OSError, ValueError):
        return None  # missing, or just being copied: the reader names the file


def image_of(path: Path, name: str) -> Path:
    """Return an image that a file lists, in the first folder that holds it.

    Args:
        path: the file that lists images.
        name: of the image in it.
    """
    folders = (path.parent, path.parent / "images", path.with_suffix(""))
    files = [folder / name for folder in folders]
    return next((file for file in files if _exists(file)), files[0])


def listed_images(path: Path) -> list[Path]:
    """Return the images that a COCO JSON or CSV file lists; none of a damaged file."""
    try:
        if path.suffix.lower() != ".json":
            names = dict.fromkeys(cells["image"] for _, cells in read_rows(path))
            return [image_of(path, name) for name in names if name]
        entries = read_json(path)["images"]
        return [image_of(path, str(entry["file_name"])) for entry in entries]
    except (UserError, ValueError, KeyError, TypeError, RecursionError, csv.Error):
        return []


def _content_state(path: Path) -> str | None:
    """Hash a file, or all files below a folder; None where there is none."""
    if is_regular(path):
        return content_hash(path)
    return _tree_state(path, path.rglob("*"))


def _tree_state(
    path: Path, every: Iterable[Path], folder: Path | None = None
) -> str | None:
    """Hash the regular files among some, with their names relative to a folder.

    Args:
        path: of the source, by which the hash is remembered.
        every: paths.
        folder: default: `path`.
    """
    files = sorted(filter(is_regular, every))
    states = [(_name(p, folder or path), p.stat()) for p in files]
    digest = tree_hash(path, states)
    if files and digest is None:
        lines = [f"{name} {hash_file(p)}\n" for p, (name, _) in zip(files, states)]
        digest = hashlib.sha256("".join(lines).encode()).hexdigest()
        remember_tree(path, states, digest)
    return digest if files else None


def _name(path: Path, root: Path) -> str:
    """Return a relative path; bytes that are not UTF-8 are escaped."""
    return printable_path(PurePath(os.path.relpath(path, root)))


def printable_path(path: PurePath) -> str:
    """Return a path with slashes; bytes of it that are not UTF-8 are escaped."""
    return os.fsencode(path.as_posix()).decode("utf-8", "backslashreplace")
