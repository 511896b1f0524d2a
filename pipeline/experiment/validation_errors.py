"""Problems of an experiment file, in the terms of the file.

In: pydantic's errors, and the values. Out: for each problem the key as the user wrote
it, what is allowed there, and what was received. For a union, pydantic reports one
error per member under names of its own; they become one sentence here.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel

from pipeline.core.errors import did_you_mean
from pipeline.experiment.renamed_keys import renamed_key
from pipeline.experiment.yaml_positions import Key

MAX_SHOWN = 80  # characters of a received value
PLAIN = {bool: "true or false", float: "a number", int: "a whole number", str: "text"}
# JSON's name of a type -> the name that a user of YAML knows.
KINDS = {
    "an object": "a mapping of keys",
    "a valid array": "a list, such as [a, b]",
    "a valid string": "text, in quotes where it could be read as something else",
}
# Parts of a pydantic location that name no member of a union.
INTERNAL = ("function-after", "[key]")


@dataclass(frozen=True)
class Problem:
    """One problem.

    Args:
        key: where it is, or where a key is missing.
        reason: what is wrong, and what is allowed.
        received: the value, if it is short enough to be shown.
    """

    key: Key
    reason: str
    received: str = field(default="", compare=False)

    def __str__(self) -> str:
        return self.reason + self.received


def problems(
    errors: Iterable[Mapping[str, Any]], values: Any, schema: type[BaseModel]
) -> list[Problem]:
    """Translate pydantic's errors, without duplicates.

    Args:
        errors: `ValidationError.errors()`.
        values: the validated values, as JSON holds them.
        schema: the class that they were validated by.
    """
    located = [_Error(error, *_locate(error, values)) for error in errors]
    relevant = [error for error in located if not _other_kind_fits(error, located)]
    relevant = [error for error in relevant if not _is_misspelt(error, relevant)]
    merged = [_merge(same, schema) for same in _by_key(relevant)]
    return list(dict.fromkeys(merged))


@dataclass(frozen=True)
class _Error:
    """An error, its key, and the key of the union that pydantic tried members of."""

    item: Mapping[str, Any]
    key: Key
    union: Key | None


def _locate(item: Mapping[str, Any], values: Any) -> tuple[Key, Key | None]:
    """The parts of a location that are keys of the file; others are pydantic's own."""
    key: list[str | int] = []
    value, union = values, None
    for part in item["loc"]:
        if _contains(value, part):
            key.append(part)
            value = value[part]
        elif union is None and part not in INTERNAL:
            union = tuple(key)
    if item["type"] == "missing":
        complete = len(key) + 1 == len(item["loc"])
        return (*key, item["loc"][-1]), None if complete else union
    return tuple(key), union


def _contains(values: Any, part: Any) -> bool:
    if isinstance(values, dict):
        return part in values
    return isinstance(values, list) and isinstance(part, int) and part < len(values)


def _other_kind_fits(error: _Error, errors: list[_Error]) -> bool:
    """Return whether another member of the union fits better and has its own error."""
    return _wrong_kind(error) and any(
        other.union == error.union and not _wrong_kind(other) for other in errors
    )


def _is_misspelt(error: _Error, errors: list[_Error]) -> bool:
    """Return whether the missing key is present under a misspelt name."""
    return error.item["type"] == "missing" and any(
        other.item["type"] == "extra_forbidden"
        and other.key[:-1] == error.key[:-1]
        and did_you_mean(str(other.key[-1]), [str(error.key[-1])])
        for other in errors
    )


def _wrong_kind(error: _Error) -> bool:
    """Return whether the whole value is of another kind than the member tried."""
    return error.key == error.union and _is_type_error(error.item)


def _is_type_error(item: Mapping[str, Any]) -> bool:
    return item["type"].endswith("_type") or item["type"] == "int_from_float"


def _by_key(errors: Iterable[_Error]) -> Iterator[list[_Error]]:
    groups: dict[Key, list[_Error]] = {}
    for error in errors:
        groups.setdefault(error.key, []).append(error)
    yield from groups.values()


def _merge(same: list[_Error], schema: type[BaseModel]) -> Problem:
    """One problem from the errors at one key."""
    specific = [error.item for error in same if not _is_type_error(error.item)]
    item, key = (specific or [same[0].item])[0], same[0].key
    if item["type"] == "extra_forbidden":
        return Problem(key, _unknown_key(key, schema))
    if item["type"] == "missing":
        return Problem(key, f"{dotted(key)} is missing; it has no default")
    reason = _length(item) or _reason(item["msg"])
    if len(same) > 1 and not specific:
        reason = f"must be {_alternatives(_names_of(kinds(key, schema)))}"
    if item["type"] == "literal_error":
        choices = [value for kind in kinds(key, schema) for value in get_args(kind)]
        reason += did_you_mean(str(item["input"]), list(map(str, choices)))
    return Problem(key, f"{dotted(key)}: {reason}", _received(item["input"]))


def _unknown_key(key: Key, schema: type[BaseModel]) -> str:
    if renamed := renamed_key(dotted(key)):
        return renamed
    allowed = _keys_of(key[:-1], schema)
    hint = did_you_mean(str(key[-1]), allowed) or f" (there are: {', '.join(allowed)})"
    return f"no key {dotted(key)}{hint}"


def _length(item: Mapping[str, Any]) -> str:
    """The allowed length of a list or text, if that is the error."""
    bounds = {"short": ("least", "min_length"), "long": ("most", "max_length")}
    kind, too, end = item["type"].rpartition("too_")
    if not too or end not in bounds:
        return ""
    word, limit = bounds[end]
    number, unit = item["ctx"][limit], "character" if kind else "value"
    return f"must hold at {word} {number} {unit}{'' if number == 1 else 's'}"


def _reason(text: str) -> str:
    """Pydantic's message as `must be ...`, with YAML's names of kinds."""
    plain = text.removeprefix("Value error, ")
    begin = "Input should be "
    kind = plain.removeprefix(begin)
    return f"must be {KINDS.get(kind, kind)}" if plain.startswith(begin) else plain


def dotted(key: Key) -> str:
    """The key as `--set` takes it, such as `train.epochs`."""
    return ".".join(map(str, key)) or "the file"


def kinds(key: Key, schema: type[BaseModel]) -> list[Any]:
    """The types that a value may have at a key, with unions taken apart."""
    types: list[Any] = [schema]
    for part in key:
        types = [inner for kind in types for inner in _below(kind, part)]
    return types


def _below(kind: Any, part: Any) -> list[Any]:
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        inner = kind.model_fields.get(str(part))
        return _members(inner.annotation) if inner else []
    positions: dict[Any, int] = {(list, True): 0, (dict, False): 1}
    position = positions.get((get_origin(kind), type(part) is int))
    return [] if position is None else _members(get_args(kind)[position])


def _members(kind: Any) -> list[Any]:
    """The members of a union; any other type alone."""
    if get_origin(kind) is Annotated:
        return _members(get_args(kind)[0])
    if get_origin(kind) in (Union, UnionType):
        return [inner for member in get_args(kind) for inner in _members(member)]
    return [kind]


def opening_bracket(kind: Any) -> str:
    """`[` for a list, `{` for a mapping, empty for anything else."""
    if get_origin(kind) in (list, dict):
        return "[" if get_origin(kind) is list else "{"
    return "{" if isinstance(kind, type) and issubclass(kind, BaseModel) else ""


def _names_of(types: Iterable[Any]) -> list[str]:
    """Types in words; `a whole number` is omitted where any number is allowed."""
    unique = list(dict.fromkeys(types))
    return [_name_of(kind) for kind in unique if kind is not int or float not in unique]


def _name_of(kind: Any) -> str:
    if kind in PLAIN:
        return PLAIN[kind]
    inside = get_args(kind)
    if get_origin(kind) is Literal:
        return " or ".join(map(repr, inside))
    if get_origin(kind) is list:
        inner = _names_of(_members(inside[0]))
        return f"a list of {inner[0] if len(inner) == 1 else 'values'} ([a, b])"
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return f"a mapping {{{', '.join(_example(kind))}}}"
    return "null" if kind is type(None) else "a mapping {key: value}"


def _example(kind: type[BaseModel]) -> Iterator[str]:
    """The keys of a section, required ones first."""
    fields = kind.model_fields.items()
    yield from (f"{name}: ..." for name, info in fields if info.is_required())
    yield from (f"{name}: ..." for name, info in fields if not info.is_required())


def _alternatives(words: Sequence[str]) -> str:
    *first, last = words
    return f"{', '.join(first)} or {last}" if first else last


def _keys_of(section: Key, schema: type[BaseModel]) -> list[str]:
    """The keys that a section may have."""
    sections = [k for k in kinds(section, schema) if hasattr(k, "model_fields")]
    return [name for kind in sections for name in kind.model_fields]


def _received(value: Any) -> str:
    text = json.dumps(value)
    if len(text) < MAX_SHOWN:
        return f"; received {text}"
    return "" if isinstance(value, dict) else f"; received {text[: MAX_SHOWN - 3]}..."
