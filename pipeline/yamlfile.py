"""YAML with positions: which line of which file a value came from."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from pipeline.core.errors import UserError

Key = tuple[str | int, ...]
MOST = 100_000  # values in one file; aliases can stand for more than there is memory


class Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
    """The safe loader, reading `1e-3` as the number that YAML 1.2 says it is."""


Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"[-+]?[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]+"),
    list("-+0123456789"),
)


def load(path: Path) -> tuple[dict[str, Any], dict[Key, int]]:
    """The mapping in a file, and the line (from 1) of every key in it.

    Raises:
        UserError: unreadable, not YAML, not a mapping, or a key given twice.
    """
    text = _read(path)
    try:
        root = yaml.compose(text, Loader=Loader)
        lines: dict[Key, int] = {}
        if root is not None:
            _note_lines(root, (), lines, path)
        values = yaml.load(text, Loader=Loader)
    except (yaml.YAMLError, ValueError) as error:
        raise UserError(f"{path}: not readable as YAML: {_problem(error)}") from None
    except RecursionError:
        raise UserError(f"{path}: nested too deeply, or an alias in itself") from None
    if not isinstance(values, dict | None):
        kind = type(values).__name__
        raise UserError(f"{path}: must hold `key: value` lines; received a {kind}")
    return values or {}, lines


def parse_value(text: str) -> Any:
    """A value as it would stand in the file; unreadable text is itself."""
    if not text.strip():
        return ""
    try:
        return yaml.load(text, Loader=Loader)
    except (yaml.YAMLError, ValueError, RecursionError):
        return text


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise UserError(f"{path}: not UTF-8 text") from None


def _note_lines(node: yaml.Node, key: Key, lines: dict[Key, int], path: Path) -> None:
    if len(lines) > MOST:
        raise UserError(f"{path}: stands for more than {MOST:,} values")
    if isinstance(node, yaml.MappingNode):
        for name, value in node.value:
            inner = (*key, str(name.value))
            at = name.start_mark.line + 1
            if inner in lines:
                dotted = ".".join(map(str, inner))
                raise UserError(f"{path}, line {at}: {dotted} is given twice")
            lines[inner] = at
            _note_lines(value, inner, lines, path)
    elif isinstance(node, yaml.SequenceNode):
        for at, value in enumerate(node.value):
            lines[(*key, at)] = value.start_mark.line + 1
            _note_lines(value, (*key, at), lines, path)


def _problem(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    where = f"line {mark.line + 1}: " if mark else ""
    return where + str(getattr(error, "problem", None) or error)
