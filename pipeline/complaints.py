"""What is wrong with an experiment's values, in the words of its file.

In: what Pydantic complains of, and the values. Out: for each mistake the key as the
user wrote it, what is allowed there, and what was received. Where a key may be one of
several kinds, Pydantic complains of each of them by names of its own; that becomes one
sentence here.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel

from pipeline.core.errors import nearest
from pipeline.renamed_keys import renamed_key
from pipeline.yamlfile import Key

LONGEST = 80  # characters of what was received
PLAIN = {bool: "true or false", float: "a number", int: "a whole number", str: "text"}
# What JSON calls it -> what a user of YAML does.
KINDS = {
    "an object": "a mapping of keys",
    "a valid array": "a list, such as [a, b]",
    "a valid string": "text, in quotes where it could be read as something else",
}


@dataclass(frozen=True)
class Complaint:
    """One mistake.

    Args:
        key: where it stands, or should.
        reason: what is wrong, and what is allowed.
        received: the value, where that is short enough to be read.
    """

    key: Key
    reason: str
    received: str = field(default="", compare=False)

    def __str__(self) -> str:
        return self.reason + self.received


def complaints(
    errors: Iterable[dict[str, Any]], values: Any, schema: type[BaseModel]
) -> list[Complaint]:
    """Pydantic's errors as mistakes of a user, each of them once.

    Args:
        errors: `ValidationError.errors()`.
        values: what was validated, as JSON has it.
        schema: the class that they were validated by.
    """
    found = [_Found(item, *_place(item, values)) for item in errors]
    deeper = [one for one in found if not _is_beside(one, found)]
    deeper = [one for one in deeper if not _is_misspelt(one, deeper)]
    told = [_one(same, schema) for same in _by_key(deeper)]
    return list(dict.fromkeys(told))


@dataclass(frozen=True)
class _Found:
    """An error, its key, and the key at which Pydantic tried several kinds."""

    item: dict[str, Any]
    key: Key
    choice: Key | None


def _place(item: dict[str, Any], values: Any) -> tuple[Key, Key | None]:
    """The parts of a location that stand in the file; others are Pydantic's own."""
    key, at, choice = [], values, None
    for part in item["loc"]:
        there = _inside(at, part)
        if there:
            key.append(part)
            at = at[part]
        elif choice is None and part not in ("function-after", "[key]"):
            choice = tuple(key)
    if item["type"] == "missing":
        whole = len(key) + 1 == len(item["loc"])
        return (*key, item["loc"][-1]), None if whole else choice
    return tuple(key), choice


def _inside(values: Any, part: Any) -> bool:
    if isinstance(values, dict):
        return part in values
    return isinstance(values, list) and isinstance(part, int) and part < len(values)


def _is_beside(one: _Found, found: list[_Found]) -> bool:
    """Whether another kind fits what was given better, and so tells what is wrong."""
    return _misses(one) and any(
        other.choice == one.choice and not _misses(other) for other in found
    )


def _is_misspelt(one: _Found, found: list[_Found]) -> bool:
    """Whether a missing key is there under a name much like its own."""
    return one.item["type"] == "missing" and any(
        other.item["type"] == "extra_forbidden"
        and other.key[:-1] == one.key[:-1]
        and nearest(str(other.key[-1]), [str(one.key[-1])])
        for other in found
    )


def _misses(one: _Found) -> bool:
    """Whether a value is not of the kind that was tried, with all that is in it."""
    return one.key == one.choice and _mismatch(one.item)


def _mismatch(item: dict[str, Any]) -> bool:
    return item["type"].endswith("_type") or item["type"] == "int_from_float"


def _by_key(found: list[_Found]) -> Iterator[list[_Found]]:
    groups: dict[Key, list[_Found]] = {}
    for one in found:
        groups.setdefault(one.key, []).append(one)
    yield from groups.values()


def _one(same: list[_Found], schema: type[BaseModel]) -> Complaint:
    """What several errors at one key say."""
    told = [one.item for one in same if not _mismatch(one.item)]
    item, key = (told or [same[0].item])[0], same[0].key
    if item["type"] == "extra_forbidden":
        if renamed := renamed_key(dotted(key)):
            return Complaint(key, renamed)
        allowed = _names(key[:-1], schema)
        hint = nearest(str(key[-1]), allowed) or f" (there are: {', '.join(allowed)})"
        return Complaint(key, f"no key {dotted(key)}{hint}")
    if item["type"] == "missing":
        return Complaint(key, f"{dotted(key)} is missing; it has no default")
    reason = _length(item) or _reason(item["msg"])
    if len(same) > 1 and not told:
        reason = f"must be {_or(_told(kinds(key, schema)))}"
    return Complaint(key, f"{dotted(key)}: {reason}", _received(item["input"]))


def _length(item: dict[str, Any]) -> str:
    """How long a list or a text may be, where it is too long or too short."""
    bounds = {"short": ("least", "min_length"), "long": ("most", "max_length")}
    text, too, end = item["type"].rpartition("too_")
    if not too or end not in bounds:
        return ""
    word, limit = bounds[end]
    number, what = item["ctx"][limit], "character" if text else "value"
    return f"must hold at {word} {number} {what}{'' if number == 1 else 's'}"


def _reason(text: str) -> str:
    """Pydantic's words, beginning as all others here do, and YAML's for kinds."""
    plain = text.removeprefix("Value error, ")
    begin = "Input should be "
    kind = plain.removeprefix(begin)
    return f"must be {KINDS.get(kind, kind)}" if plain.startswith(begin) else plain


def dotted(key: Key) -> str:
    """A key as `--set` takes it."""
    return ".".join(map(str, key)) or "the file"


def kinds(key: Key, schema: type[BaseModel]) -> list[Any]:
    """The types that a value may have at a key, without unions."""
    found: list[Any] = [schema]
    for part in key:
        found = [one for kind in found for one in _below(kind, part)]
    return found


def _below(kind: Any, part: Any) -> list[Any]:
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        inner = kind.model_fields.get(str(part))
        return _apart(inner.annotation) if inner else []
    at = {(list, True): 0, (dict, False): 1}.get((get_origin(kind), type(part) is int))
    return [] if at is None else _apart(get_args(kind)[at])


def _apart(kind: Any) -> list[Any]:
    """The members of a union; any other kind alone."""
    if get_origin(kind) is Annotated:
        return _apart(get_args(kind)[0])
    if get_origin(kind) in (Union, UnionType):
        return [one for member in get_args(kind) for one in _apart(member)]
    return [kind]


def opening(kind: Any) -> str:
    """The sign that a kind begins with: `[` of a list, `{` of a mapping, or none."""
    if get_origin(kind) in (list, dict):
        return "[" if get_origin(kind) is list else "{"
    return "{" if isinstance(kind, type) and issubclass(kind, BaseModel) else ""


def _told(found: Iterable[Any]) -> list[str]:
    """Kinds in words, a whole number left out where any number will do."""
    several = list(dict.fromkeys(found))
    return [_word(kind) for kind in several if kind is not int or float not in several]


def _word(kind: Any) -> str:
    if kind in PLAIN:
        return PLAIN[kind]
    inside = get_args(kind)
    if get_origin(kind) is Literal:
        return " or ".join(map(repr, inside))
    if get_origin(kind) is list:
        inner = _told(_apart(inside[0]))
        return f"a list of {inner[0] if len(inner) == 1 else 'values'} ([a, b])"
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return f"a mapping {{{', '.join(_example(kind))}}}"
    return "null" if kind is type(None) else "a mapping {key: value}"


def _example(kind: type[BaseModel]) -> Iterator[str]:
    """Its keys, those first that must be there."""
    fields = kind.model_fields.items()
    yield from (f"{name}: ..." for name, one in fields if one.is_required())
    yield from (f"{name}: ..." for name, one in fields if not one.is_required())


def _or(words: list[str]) -> str:
    *first, last = words
    return f"{', '.join(first)} or {last}" if first else last


def _names(section: Key, schema: type[BaseModel]) -> list[str]:
    """The keys that a section may have."""
    sections = [k for k in kinds(section, schema) if hasattr(k, "model_fields")]
    return [name for kind in sections for name in kind.model_fields]


def _received(value: Any) -> str:
    text = json.dumps(value)
    if len(text) < LONGEST:
        return f"; received {text}"
    return "" if isinstance(value, dict) else f"; received {text[: LONGEST - 3]}..."
