"""Which trained models an experiment builds upon: .keras files named in its values.

In: `tune.values`, such as `{backbone: nets/a.keras}`, `{members: "a.keras, b.keras"}`
or a list to search. Out: name as it is written -> a hash of the file.
Imports nothing heavy: the plan asks, too.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pipeline.data.paths import locate
from pipeline.core.errors import UserError
from pipeline.core.hashing import hash_file


def find(text: str) -> Path:
    """The file that a value names, found as every path of an experiment is.

    Raises:
        UserError: when its variable is not set.
    """
    return locate(text, "the trained model")


def states(values: Any) -> Mapping[str, str | None]:
    """Name of a .keras file -> the hash of its content; None where it is not here."""
    return states_of(_names(values))


def states_of(names: Iterable[str]) -> Mapping[str, str | None]:
    """Name of any file -> the hash of its content; None where it is not here."""
    return {name: _state(name) for name in sorted(set(names))}


def _names(values: Any) -> Iterator[str]:
    """Every .keras file in a value, a list, or a text with commas between them."""
    if isinstance(values, str):
        words = (word.strip() for word in values.split(","))
        yield from (word for word in words if word.endswith(".keras"))
    elif isinstance(values, Mapping | list):
        inner = values.values() if isinstance(values, Mapping) else values
        for value in inner:
            yield from _names(value)


def _state(name: str) -> str | None:
    try:
        path = find(name)
        facts = path.stat() if path.is_file() else None
    except UserError:
        return None
    if facts is None:
        return None
    return _hash(path.resolve(), facts.st_size, facts.st_mtime_ns)


@functools.cache
def _hash(path: Path, size: int, time: int) -> str:
    """Three stages ask for the same file: it is read once a process."""
    return hash_file(path)
