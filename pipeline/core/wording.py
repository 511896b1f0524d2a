"""Wording of messages: a count with its noun.

quantity(1, "example")          1 example
quantity(1250, "example")       1,250 examples
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable
from typing import TypeVar

T = TypeVar("T", bound=Hashable)


def repeated(values: Iterable[T]) -> list[T]:
    """Return the values that occur more than once, each once.

    Args:
        values: such as the names of classes, of which there may be many thousands.
    """
    return [value for value, count in Counter(values).items() if count > 1]


def quantity(count: int, noun: str) -> str:
    """Return a count and its noun, in the plural unless the count is 1.

    Args:
        count: not negative.
        noun: in the singular; its plural ends with `s`.
    """
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
