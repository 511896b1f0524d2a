"""Overrides of an experiment file: `--set section.key=value`.

    override = parse_override("train.epochs=3")
    values = with_overrides({"train": {"epochs": 60}}, [override])

A value is read as YAML. Each override remembers the option that the user typed, for
error messages.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.core.errors import UserError
from pipeline.experiment.validation_errors import dotted
from pipeline.experiment.yaml_positions import parse_value


@dataclass(frozen=True)
class Override:
    """One override.

    Args:
        text: `section.key=value`.
        key: the parts of the dotted key.
        value: the value that YAML reads from the text.
        option: as the user typed it, such as `--set seed=3`.
    """

    text: str
    key: tuple[str, ...]
    value: Any
    option: str


def split_sets(text: str) -> list[str]:
    """Split make's `SET` into overrides as a shell would.

    Args:
        text: such as `train.epochs=3 augment.policy="flip | pad(2)"`.

    Raises:
        UserError: a quotation is not closed.
    """
    try:
        return shlex.split(text)
    except ValueError as error:
        raise UserError(f"SET={text}: {error}") from None


def parse_override(text: str, option: str | None = None) -> Override:
    """Read `section.key=value`.

    Args:
        text: the override.
        option: the option the user typed instead of `--set TEXT`, if any.

    Raises:
        UserError: the text is not of that form.
    """
    option = option or f"--set {text}"
    key, equals, value = text.partition("=")
    if not equals or not all(key.split(".")):
        raise UserError(
            f"{option}: must be of the form section.key=value; a value with spaces "
            "needs quotes: --set 'section.key=[1, 2]'"
        )
    return Override(text, tuple(key.strip().split(".")), parse_value(value), option)


def override_texts(values: Mapping[str, Any]) -> list[str]:
    """Write Python values as overrides.

    Args:
        values: by section, or by dotted key: `{"train": {"epochs": 3}}` and
            `{"train.epochs": 3}` are the same override.

    Returns:
        Texts such as `train.epochs=3`.
    """
    return [
        f"{key}={json.dumps(value)}"
        for name, inner in values.items()
        for key, value in _leaves(name, inner)
    ]


def _leaves(key: str, value: Any) -> list[tuple[str, Any]]:
    """The values below a section; the mappings inside a section stay whole."""
    if isinstance(value, Mapping) and "." not in key:
        return [(f"{key}.{name}", inner) for name, inner in value.items()]
    return [(key, value)]


def with_overrides(
    values: dict[str, Any], overrides: Sequence[Override]
) -> dict[str, Any]:
    """A copy of the file's values with the overrides applied in order.

    Raises:
        UserError: an override goes below a key whose value is not a section.
    """
    values = dict(values)
    for override in overrides:
        _assign(values, override)
    return values


def _assign(values: dict[str, Any], override: Override) -> None:
    *sections, last = override.key
    for depth, name in enumerate(sections, 1):
        inner = values.get(name, {})
        if not isinstance(inner, dict):
            reason = _not_a_section(sections[:depth], inner)
            raise UserError(f"{override.option}: {reason}")
        values[name] = dict(inner)
        values = values[name]
    values[last] = override.value


def _not_a_section(key: Iterable[str | int], value: Any) -> str:
    name = dotted(tuple(key))
    if isinstance(value, list):
        return f"{name} is a list, which is set as a whole: --set '{name}=[a, b]'"
    return f"{name} is a single value, not a section"
