"""The pipe language of augmentation policies and compression recipes.

    "pad(2) | random_crop(28) | flip"        "prune(0.6) | pqat"

A step is a name with arguments, by position or by name. A grammar lists the valid
names and their arguments, with types and bounds, so a pipe that parses can be run.
`str_pipe` returns the canonical text of a pipe, with every argument written out: this
text is printed, hashed and compared.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from keyword import iskeyword
from typing import Any

from pipeline.core.errors import UserError, did_you_mean
from pipeline.core.quoting import shown

REQUIRED = object()
SHOWN = 300  # characters of a pipe in a message
STEP = re.compile(r"\s*([A-Za-z_]\w*)\s*(?:\((.*)\))?\s*", re.DOTALL)
KINDS = {int: "a whole number", float: "a number", str: "a word"}

Value = float | int | str


@dataclass(frozen=True)
class Argument:
    """One argument of a step.

    Args:
        name: its name.
        kind: `float`, `int` or `str`; a float accepts whole numbers. Default `float`.
        default: value when it is left out; without a default it is required.
        low: minimum of a number, inclusive; default None, no bound.
        high: maximum of a number, inclusive; default None, no bound.
        allowed: the valid words of a text; default None, any word.
    """

    name: str
    kind: type = float
    default: Any = REQUIRED
    low: float | None = None
    high: float | None = None
    allowed: tuple[str, ...] | None = None

    def describe(self) -> str:
        """Describe the allowed values.

        Returns:
            A phrase such as `a whole number from 0 to 8`.
        """
        if self.allowed:
            return " or ".join(self.allowed)
        kind = KINDS[self.kind]
        if self.low is None and self.high is None:
            return kind
        if self.high is None:
            return f"{kind} of at least {self.low}"
        return f"{kind} from {self.low} to {self.high}"

    def allows(self, value: Value) -> bool:
        """Check type and bounds of a value.

        Args:
            value: a parsed value.

        Returns:
            True when the value is allowed.
        """
        if type(value) is not self.kind:
            return False
        if isinstance(value, str):
            return not self.allowed or value in self.allowed
        above = self.low is None or value >= self.low
        return above and (self.high is None or value <= self.high)


@dataclass(frozen=True)
class Signature:
    """The arguments of a step.

    Args:
        params: the arguments, in the order of positional values; default none.
        summary: one line about the step, for the generated reference.
    """

    params: tuple[Argument, ...] = ()
    summary: str = ""


@dataclass(frozen=True)
class Step:
    """A parsed step.

    Args:
        name: its name.
        args: argument name -> value, complete and in the order of the signature.
    """

    name: str
    args: Mapping[str, Value]

    def __str__(self) -> str:
        """Return the canonical text, such as `pad(2)`."""
        values = ", ".join(_text(value) for value in self.args.values())
        return f"{self.name}({values})" if values else self.name


Grammar = Mapping[str, Signature]


def parse_pipe(text: str, grammar: Grammar) -> tuple[Step, ...]:
    """Parse a pipe.

    Args:
        text: steps separated by `|`; an empty text has no steps.
        grammar: step name -> its arguments.

    Returns:
        The steps, with a value for every argument.

    Raises:
        UserError: naming each wrong step, its position, and what is allowed there.
    """
    parts = text.split("|") if text.strip() else []
    steps, problems = [], []
    for number, part in enumerate(parts, 1):
        try:
            where = f'step {number} of "{shown(text, SHOWN)}"'
            steps.append(_step(part, where, grammar))
        except UserError as error:
            problems.append(str(error))
    if problems:
        raise UserError("; ".join(problems))
    return tuple(steps)


def str_pipe(steps: tuple[Step, ...]) -> str:
    """Format a pipe: `parse_pipe(str_pipe(steps), grammar) == steps`.

    Args:
        steps: parsed steps.

    Returns:
        The canonical text.
    """
    return " | ".join(str(step) for step in steps)


def _step(text: str, where: str, grammar: Grammar) -> Step:
    match = STEP.fullmatch(text)
    if not match:
        part = shown(text.strip(), SHOWN)
        raise UserError(f'{where}: "{part}" is not of the form name(arguments)')
    name, inside = match.groups()
    if name not in grammar:
        hint, allowed = did_you_mean(name, grammar), ", ".join(grammar)
        raise UserError(
            f'{where}: no step "{shown(name)}"{hint} (available: {allowed})'
        )
    arguments = grammar[name].params
    values = _read_arguments(inside or "", f"{where}: {name}", arguments)
    return Step(name, _complete(values, f"{where}: {name}", arguments))


def _read_arguments(
    inside: str, where: str, arguments: tuple[Argument, ...]
) -> dict[str, Any]:
    """Argument name -> value, of the arguments that are written out."""
    try:
        positional, named = _parse_call(f"f({inside})")
    except (SyntaxError, TypeError, ValueError, RecursionError, MemoryError):
        text = shown(inside, SHOWN)
        raise UserError(f"{where}({text}) has unreadable arguments") from None
    names = [argument.name for argument in arguments]
    if len(positional) > len(names):
        count = len(positional)
        raise UserError(f"{where} takes {_listed(names)}; received {count} values")
    placed = dict(zip(names, positional))
    if repeated := placed.keys() & named.keys():
        raise UserError(f"{where} receives {shown(min(repeated))} twice")
    return {**placed, **named}


def _parse_call(text: str) -> tuple[list[Any], dict[str, Any]]:
    call = ast.parse(text, mode="eval").body
    if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Name)):
        raise TypeError(text)
    named = {str(word.arg): _literal(word.value) for word in call.keywords}
    return [_literal(node) for node in call.args], named


def _literal(node: ast.expr) -> Any:
    """A number or a text; a bare word is a text."""
    return node.id if isinstance(node, ast.Name) else ast.literal_eval(node)


def _listed(names: list[str]) -> str:
    return ", ".join(names) or "no arguments"


def _complete(
    values: dict[str, Any], where: str, arguments: tuple[Argument, ...]
) -> dict[str, Value]:
    names = [argument.name for argument in arguments]
    for name in values:
        if name not in names:
            hint = did_you_mean(name, names)
            raise UserError(
                f'{where} has no argument "{shown(name)}"{hint} (it takes '
                f"{_listed(names)})"
            )
    return {argument.name: _value(values, argument, where) for argument in arguments}


def _value(values: dict[str, Any], argument: Argument, where: str) -> Value:
    value: Value = values.get(argument.name, argument.default)
    if value is REQUIRED:
        raise UserError(f"{where} needs {argument.name}, {argument.describe()}")
    if argument.kind is float and type(value) is int:
        value = float(value)
    if not argument.allows(value):
        raise UserError(
            f"{where}({argument.name}={shown(repr(value))}): "
            f"{argument.name} must be {argument.describe()}"
        )
    return value


def _text(value: Value) -> str:
    if isinstance(value, float):
        return repr(value).removesuffix(".0")
    if isinstance(value, str) and (not value.isidentifier() or iskeyword(value)):
        return json.dumps(value)  # not a bare word
    return str(value)
