"""YAML with positions: the line of the file that each value came from."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from pipeline.core.errors import UserError
from pipeline.core.regular_file import is_regular

Key = tuple[str | int, ...]
MAX_BYTES = 1_000_000  # of an experiment file
MAX_VALUES = 100_000  # per file; aliases can expand to more than memory holds


SafeLoader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Loader(SafeLoader):
    """The safe loader, which also reads `1e-3` as a number, as YAML 1.2 does."""


Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"[-+]?[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]+"),
    list("-+0123456789"),
)


def load(path: Path) -> tuple[dict[str, Any], dict[Key, int]]:
    """Read the mapping in a file.

    Args:
        path: of the file, UTF-8.

    Returns:
        The mapping, and the line (from 1) of every key in it.

    Raises:
        UserError: the file is unreadable, not YAML, not a mapping, or repeats a key.
    """
    text = read_text(path)
    try:
        root = yaml.compose(text, Loader=Loader)
        lines: dict[Key, int] = {}
        if root is not None:
            _note_lines(root, (), lines, path)
        values = yaml.load(text, Loader=Loader)
    except (yaml.YAMLError, ValueError) as error:
        raise UserError(
            f"{path}: not readable as YAML: {_problem(error, text)}"
        ) from None
    except RecursionError:
        raise UserError(
            f"{path}: nested too deeply, or an alias that contains itself"
        ) from None
    if not isinstance(values, dict | None):
        kind = type(values).__name__
        raise UserError(f"{path}: must hold `key: value` lines; received a {kind}")
    return values or {}, lines


def read_text(path: Path) -> str:
    """Read an experiment file.

    Args:
        path: an existing file.

    Raises:
        UserError: it is not UTF-8, not a file on a disk, or larger than `MAX_BYTES`.
    """
    if not is_regular(path):
        raise UserError(f"{path}: must be a regular file on a disk")
    if (size := path.stat().st_size) > MAX_BYTES:
        raise UserError(f"{path}: has {size:,} bytes; at most {MAX_BYTES:,} are read")
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise UserError(f"{path}: not UTF-8 text") from None


def parse_value(text: str) -> Any:
    """Read a value as YAML.

    Args:
        text: such as `3` or `[a, b]`.

    Returns:
        The value, or the text itself if it is not YAML.
    """
    if not text.strip():
        return ""
    try:
        return yaml.load(text, Loader=Loader)
    except (yaml.YAMLError, ValueError, RecursionError):
        return text


def _note_lines(node: yaml.Node, key: Key, lines: dict[Key, int], path: Path) -> None:
    if len(lines) > MAX_VALUES:
        raise UserError(f"{path}: expands to more than {MAX_VALUES:,} values")
    if isinstance(node, yaml.MappingNode):
        for name, value in node.value:
            inner = (*key, str(name.value))
            line = name.start_mark.line + 1
            if inner in lines:
                dotted = ".".join(map(str, inner))
                raise UserError(f"{path}, line {line}: {dotted} is given twice")
            lines[inner] = line
            _note_lines(value, inner, lines, path)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            lines[(*key, index)] = value.start_mark.line + 1
            _note_lines(value, (*key, index), lines, path)


def _problem(error: Exception, text: str) -> str:
    mark = getattr(error, "problem_mark", None)
    where = f"line {mark.line + 1}: " if mark else ""
    if tab := _line_with_tab(text, mark.line + 1 if mark else 0):
        return f"line {tab}: is indented with a tab, which YAML forbids; use spaces"
    return where + str(getattr(error, "problem", None) or error)


def _line_with_tab(text: str, line: int) -> int:
    """The line at or before an error that a tab indents, from 1; 0 if there is none.

    A parser may notice a tab only in the line after it.
    """
    lines = text.split("\n")[:line]
    near = range(len(lines), max(0, line - 2), -1)
    return next((n for n in near if re.match(r" *\t", lines[n - 1])), 0)
