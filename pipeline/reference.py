"""docs/reference.md: every key of an experiment file, from the schema itself.

    python -m pipeline reference

In: the params classes. Out: for each section a table of its keys: type, default,
range and meaning. A meaning is the field's `description`, or what the class's
docstring says of it under `Args:` or `Attributes:`.
"""

from __future__ import annotations

import argparse
import inspect
import json
import re
import types
from collections.abc import Iterator
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from pipeline.config import Experiment

HEAD = """\
# Every key of an experiment file

Written by `make reference` from the schema; edit the schema, not this file. Keys are
given in `experiment.yaml` or as `--set section.key=value`. Keys marked ° change no
result and are no part of a fingerprint.
"""
PLAIN = {int: "integer", float: "number", bool: "true or false", str: "text"}
BOUNDS = {"ge": "≥ {}", "gt": "> {}", "le": "≤ {}", "lt": "< {}"}
LENGTHS = {"min_length": "at least {}", "max_length": "at most {}"}
# What a key means wherever nothing else is said of it.
COMMON = {
    "batch_size": "examples of one step.",
    "learning_rate": "of the optimizer, at its highest.",
    "patience": "epochs without a better result after which fitting stops.",
}
NAMES = re.compile(r"^([a-z_0-9]+(?:, [a-z_0-9]+)*): (.*)")


def reference(arguments: argparse.Namespace) -> int:
    """Write the file."""
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text(render(Experiment), encoding="utf-8")
    print(arguments.output)
    return 0


def render(model: type[BaseModel]) -> str:
    """The whole text."""
    return "\n".join([HEAD, *_section(model, ""), *_sections(model, "")])


def meanings(model: type[BaseModel]) -> dict[str, str]:
    """Field -> what it means, from the docstrings of a class and its bases."""
    found = dict(COMMON)
    for kind in reversed(model.__mro__):
        found |= _documented(inspect.cleandoc(kind.__dict__.get("__doc__") or ""))
    fields = model.model_fields.items()
    return found | {name: f.description for name, f in fields if f.description}


def _documented(text: str) -> dict[str, str]:
    """`name: text` of the sections Args and Attributes."""
    found: dict[str, str] = {}
    inside, names = False, []
    for line in text.splitlines():
        if line.rstrip() in ("Args:", "Attributes:"):
            inside = True
        elif line and not line.startswith(" "):
            inside = False
        elif inside and (match := NAMES.match(line.strip())) and line[:5] != " " * 5:
            names = match[1].split(", ")
            found |= dict.fromkeys(names, match[2])
        elif inside and line.strip():
            found |= {name: f"{found[name]} {line.strip()}" for name in names}
    return found


def _sections(model: type[BaseModel], above: str) -> Iterator[str]:
    for name, field in model.model_fields.items():
        inner = _model(field.annotation)
        if inner:
            dotted = f"{above}{name}"
            yield f"\n## `{dotted}`\n" if not above else f"\n### `{dotted}`\n"
            yield _summary(inner)
            yield from _section(inner, f"{dotted}.")
            yield from _sections(inner, f"{dotted}.")


def _section(model: type[BaseModel], above: str) -> list[str]:
    told = meanings(model)
    plain = [(n, f) for n, f in model.model_fields.items() if not _model(f.annotation)]
    if not plain:
        return []
    rows = [
        f"| `{above}{name}`{_mark(field)} | {_cell(_type(field.annotation))} "
        f"| {_cell(_default(field))} | {_cell(_range(field))} "
        f"| {_cell(told.get(name, ''))} |"
        for name, field in plain
    ]
    head = ["| key | type | default | range | meaning |", "|---|---|---|---|---|"]
    return [*head, *rows]


def _summary(model: type[BaseModel]) -> str:
    paragraphs = inspect.cleandoc(model.__doc__ or "").split("\n\n")
    kept = [p for p in paragraphs if not p.startswith(("Args:", "Attributes:"))]
    return "\n\n".join(kept) + "\n"


def _model(annotation: Any) -> type[BaseModel] | None:
    """The section that a field is; also where it may be null."""
    for kind in (annotation, *get_args(annotation)):
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            return kind
    return None


def _mark(field: FieldInfo) -> str:
    extra = field.json_schema_extra
    unhashed = isinstance(extra, dict) and extra.get("hashed") is False
    return " °" if unhashed else ""


def _type(kind: Any) -> str:
    origin, inside = get_origin(kind), get_args(kind)
    if kind is type(None):
        return "null"
    if origin is Annotated:
        return _type(inside[0])
    if origin is Literal:
        return " or ".join(f"`{json.dumps(value).strip(chr(34))}`" for value in inside)
    if origin in (Union, types.UnionType):
        return " or ".join(dict.fromkeys(map(_type, inside)))
    if origin in (list, tuple, set, frozenset):
        return f"list of {_type(inside[0])}" if inside else "list"
    if origin is dict:
        return f"mapping of {_type(inside[0])} to {_type(inside[1])}"
    return PLAIN.get(kind, getattr(kind, "__name__", str(kind)))


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    return f"`{json.dumps(value, ensure_ascii=False, default=str)}`"


def _range(field: FieldInfo) -> str:
    """Bounds of numbers, lengths of texts and lists, those of a list's items too."""
    own = list(_bounds(field.metadata))
    inner = [part for kind in get_args(field.annotation) for part in _inner(kind)]
    return ", ".join([*own, *(f"each {part}" for part in inner)])


def _inner(kind: Any) -> Iterator[str]:
    if get_origin(kind) is Annotated:
        for extra in kind.__metadata__:
            yield from _bounds(getattr(extra, "metadata", [extra]))


def _bounds(metadata: list[Any]) -> Iterator[str]:
    for constraint in metadata:
        for texts, ending in ((BOUNDS, ""), (LENGTHS, " long")):
            for name, text in texts.items():
                value = getattr(constraint, name, None)
                if value is not None:
                    yield text.format(f"{value:,}".replace(",", " ")) + ending


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
