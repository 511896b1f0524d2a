"""The pipe language of augmentation policies and compression recipes.

    "pad(2) | random_crop(28) | flip"        "prune(0.6) | pqat"

A step is a name with arguments, by position or by name; the grammar says which
names there are and what they take. Names are typed and bounded, so a pipe that
parses can be run. `str_pipe` gives the one canonical text of a pipe, with every
argument written out: that text is what is printed, hashed and compared.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.core.errors import UserError, nearest

REQUIRED = object()
STEP = re.compile(r"\s*([A-Za-z_]\w*)\s*(?:\((.*)\))?\s*", re.DOTALL)

Value = float | int | str


@dataclass(frozen=True)
class Argument:
    """One argument of a step; `low` and `high` are allowed values themselves."""

    name: str
    kind: type = float
    default: Any = REQUIRED
    low: float | None = None
    high: float | None = None
    allowed: tuple[str, ...] | None = None

    def describe(self) -> str:
        """What is allowed, in words."""
        if self.allowed:
            return " or ".join(self.allowed)
        kind = {int: "a whole number", float: "a number", str: "a word"}[self.kind]
        if self.low is None and self.high is None:
            return kind
        if self.high is None:
            return f"{kind} of at least {self.low}"
        return f"{kind} from {self.low} to {self.high}"


@dataclass(frozen=True)
class Signature:
    """What a step takes, and what it does in one line."""

    params: tuple[Argument, ...] = ()
    summary: str = ""


@dataclass(frozen=True)
class Step:
    """A parsed step, with a value for every argument."""

    name: str
    args: Mapping[str, Value]

    def __str__(self) -> str:
        values = ", ".join(_text(value) for value in self.args.values())
        return f"{self.name}({values})" if values else self.name


Grammar = Mapping[str, Signature]


def parse_pipe(text: str, grammar: Grammar) -> tuple[Step, ...]:
    """Parse a pipe; an empty text is a pipe of no steps.

    Raises:
        UserError: naming the step, its position and the nearest valid name.
    """
    parts = text.split("|") if text.strip() else []
    return tuple(_step(part, at, text, grammar) for at, part in enumerate(parts, 1))


def str_pipe(steps: tuple[Step, ...]) -> str:
    """The canonical text: `parse_pipe(str_pipe(steps), grammar) == steps`."""
    return " | ".join(str(step) for step in steps)


def _step(part: str, at: int, text: str, grammar: Grammar) -> Step:
    where = f'step {at} of "{text}"'
    match = STEP.fullmatch(part)
    if not match:
        raise UserError(f'{where}: "{part.strip()}" is not of the form name(arguments)')
    name, inside = match.groups()
    if name not in grammar:
        known = ", ".join(grammar)
        hint = nearest(name, grammar)
        raise UserError(f'{where}: no step "{name}"{hint} (there are: {known})')
    given = _given(inside or "", where, name, grammar[name])
    return Step(name, _complete(given, where, name, grammar[name]))


def _given(inside: str, where: str, name: str, signature: Signature) -> dict[str, Any]:
    try:
        call = ast.parse(f"f({inside})", mode="eval").body
        values = [_literal(node) for node in call.args]
        named = {word.arg: _literal(word.value) for word in call.keywords}
    except (SyntaxError, ValueError, AttributeError):
        raise UserError(f"{where}: {name}({inside}) has unreadable arguments") from None
    names = [argument.name for argument in signature.params]
    if len(values) > len(names):
        takes = ", ".join(names) or "no arguments"
        raise UserError(f"{where}: {name} takes {takes}; received {len(values)} values")
    placed = dict(zip(names, values))
    if twice := placed.keys() & named.keys():
        raise UserError(f"{where}: {name} receives {sorted(twice)[0]} twice")
    return {**placed, **named}


def _literal(node: ast.expr) -> Any:
    """A number or text; a bare word is a text."""
    return node.id if isinstance(node, ast.Name) else ast.literal_eval(node)


def _complete(
    given: dict[str, Any], where: str, name: str, signature: Signature
) -> dict[str, Value]:
    names = [argument.name for argument in signature.params]
    for key in given:
        if key not in names:
            takes = ", ".join(names) or "no arguments"
            hint = nearest(str(key), names)
            raise UserError(f'{where}: {name} has no "{key}"{hint} (it takes {takes})')
    return {a.name: _value(given, a, f"{where}: {name}") for a in signature.params}


def _value(given: dict[str, Any], argument: Argument, where: str) -> Value:
    value = given.get(argument.name, argument.default)
    if value is REQUIRED:
        raise UserError(f"{where} needs {argument.name}, {argument.describe()}")
    if argument.kind is float and type(value) is int:
        value = float(value)
    if type(value) is not argument.kind or not _inside(value, argument):
        raise UserError(
            f"{where}({argument.name}={value!r}): "
            f"{argument.name} must be {argument.describe()}"
        )
    return value


def _inside(value: Value, argument: Argument) -> bool:
    if argument.allowed:
        return value in argument.allowed
    if argument.kind is str:
        return True
    low = argument.low is None or value >= argument.low
    return low and (argument.high is None or value <= argument.high)


def _text(value: Value) -> str:
    return repr(value).removesuffix(".0") if isinstance(value, float) else str(value)
