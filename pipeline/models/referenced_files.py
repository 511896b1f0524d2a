"""Files that an experiment builds on, such as the .keras files in its values.

In: `tune.values`, such as `{backbone: nets/a.keras}`, `{members: "a.keras, b.keras"}`
or a list to search. Out: file name as written -> hash of its content. Imports no
heavy library, because planning calls it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pipeline.core.errors import UserError
from pipeline.core.regular_file import is_regular
from pipeline.data.paths import locate
from pipeline.engine.hash_cache import content_hash


def find_file(text: str) -> Path:
    """Resolve a path of the experiment file.

    Args:
        text: relative to the working directory, or absolute; `${NAME}` is an
            environment variable.

    Returns:
        The path, whether or not there is such a file.

    Raises:
        UserError: if the environment variable is not set.
    """
    return locate(text, "the trained model")


def hash_references(values: Any) -> Mapping[str, str | None]:
    """Hash every .keras file named in hyperparameter values.

    Args:
        values: mappings, lists and texts, nested; a text may name several files,
            separated by commas.

    Returns:
        File name as written -> hash of its content; None for a missing file.
    """
    return hash_files(_names(values))


def hash_files(names: Iterable[str]) -> Mapping[str, str | None]:
    """Hash files of any kind.

    Args:
        names: paths as written in the experiment file.

    Returns:
        Sorted name -> hash of the content; None for a missing file.
    """
    return {name: _hash(name) for name in sorted(set(names))}


def _names(values: Any) -> Iterator[str]:
    if isinstance(values, str):
        words = (word.strip() for word in values.split(","))
        yield from (word for word in words if word.endswith(".keras"))
    elif isinstance(values, Mapping | list):
        items = values.values() if isinstance(values, Mapping) else values
        for value in items:
            yield from _names(value)


def _hash(name: str) -> str | None:
    try:
        path = find_file(name)
    except UserError:
        return None
    return content_hash(path) if is_regular(path) else None
