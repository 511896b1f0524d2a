"""What was seen in a source, and how an experiment should read it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.core.errors import UserError
from pipeline.core.quoting import listing

SHOWN = 8  # names in a comment


@dataclass
class Summary:
    """What was seen in a source.

    Args:
        modality: `image`, `audio`, `text` or `table`; None if it is unknown.
        numbers: True if the labels are numbers to predict; default False.
        settings: keys of `data` that differ from their defaults.
        defaults: keys of `data` that are at their defaults, worth knowing.
        facts: sentences about the data.
        builder: for them; empty (default) for that of the task and the modality.
    """

    modality: str | None
    numbers: bool = False
    settings: dict[str, Any] = field(default_factory=dict)
    defaults: dict[str, Any] = field(default_factory=dict)
    facts: list[str] = field(default_factory=list)
    builder: str = ""

    def add(self, text: str) -> None:
        """Append a sentence."""
        self.facts.append(text)


def described(names: list[str]) -> str:
    """Return `3 classes: a, b, c`."""
    return (
        f"{len(names)} class{'' if len(names) == 1 else 'es'}: {listing(names, SHOWN)}"
    )


def refuse_one_class(path: Path, names: list[str]) -> None:
    """Refuse a source with fewer than two classes.

    Raises:
        UserError: names the only class.
    """
    if len(names) < 2:
        only = f"only the class {listing(names)}" if names else "no class"
        raise UserError(f"{path}: holds {only}; classification needs two or more")
